//! The three tables of the generator: their columns, and which events of an epoch are theirs.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;

use super::columns::{AuctionColumns, BidColumns, PersonColumns, TableColumns, utc};
use super::generator::EVENTS_PER_EPOCH;

/// Which events a source delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Table {
    Person,
    Auction,
    Bid,
}

impl Table {
    /// The places of its events in an epoch.
    pub(super) fn offs(self) -> Range<u64> {
        match self {
            Self::Person => 0..1,
            Self::Auction => 1..4,
            Self::Bid => 4..EVENTS_PER_EPOCH,
        }
    }

    /// Its columns, all of which are never null.
    pub(super) fn schema(self) -> SchemaRef {
        let names: &[&str] = match self {
            Self::Person => &["id", "name", "city", "state", "ts"],
            Self::Auction => &["id", "seller", "category", "initial_bid", "reserve", "ts", "expires"],
            Self::Bid => &["auction", "bidder", "price", "ts", "extra", "channel", "url"],
        };
        let data_type = |name: &str| match name {
            "ts" | "expires" => DataType::Timestamp(TimeUnit::Millisecond, Some(utc())),
            "name" | "city" | "state" | "extra" | "channel" | "url" => DataType::Utf8,
            _ => DataType::Int64,
        };
        let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, data_type(name), false)).collect();
        Arc::new(Schema::new(fields))
    }

    /// Empty columns of a projection.
    pub(super) fn columns(self, projection: &[usize]) -> Box<dyn TableColumns> {
        match self {
            Self::Person => Box::new(PersonColumns::new(projection)),
            Self::Auction => Box::new(AuctionColumns::new(projection)),
            Self::Bid => Box::new(BidColumns::new(projection)),
        }
    }
}
