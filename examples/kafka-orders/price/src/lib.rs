//! Says what an order costs: takes its text apart, `2x espresso, 1x croissant`, and adds up the prices. Orders of the test
//! customer are dropped. An order with an item that is not in the price list, or none of it, is refused, never priced in part.

use std::collections::BTreeMap;

use weir_sdk::transform::{Emitter, Row, RowError, Transform, export};

/// More of one product than this is a typing error.
const QUANTITY_MAX: u32 = 999;

/// Config: `prices`, cents per product, and `test-customer`, whose orders do not count.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Price {
    prices: BTreeMap<String, u32>,
    test_customer: Option<String>,
}

/// What it reads.
#[derive(Row)]
pub struct Order<'a> {
    customer: &'a str,
    items: &'a str,
}

/// What it emits: the order as it is, and what it costs.
#[derive(Row)]
#[row(keep_all)]
pub struct Priced {
    cents: i64,
}

impl Transform for Price {
    type Input<'a> = Order<'a>;
    type Output<'a> = Priced;

    fn process(&self, order: Order<'_>, out: &mut Emitter<Priced>) -> Result<(), RowError> {
        if self.test_customer.as_deref() == Some(order.customer) {
            return Ok(());
        }
        let cents = order.items.split(',').map(|item| self.cents(item.trim_matches(' '))).sum::<Result<_, _>>()?;
        out.emit(Priced { cents });
        Ok(())
    }
}

impl Price {
    /// What an item like `2x espresso` costs.
    fn cents(&self, item: &str) -> Result<i64, RowError> {
        let (quantity, product) = item.split_once("x ").ok_or_else(|| refused(item, "not like \"2x espresso\""))?;
        if quantity.is_empty() || !quantity.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused(item, "the quantity is no number"));
        }
        let quantity: u32 = quantity.parse().unwrap_or(u32::MAX);
        if !(1..=QUANTITY_MAX).contains(&quantity) {
            return Err(refused(item, format_args!("the quantity is not between 1 and {QUANTITY_MAX}")));
        }
        let price = self.prices.get(product).ok_or_else(|| refused(item, "not in the price list"))?;
        Ok(i64::from(quantity) * i64::from(*price))
    }
}

fn refused(item: &str, why: impl std::fmt::Display) -> RowError {
    RowError::new(format!("item \"{item}\": {why}"))
}

export!(Price);

#[cfg(test)]
mod tests {
    use super::*;
    use weir_sdk::testing;

    const CONFIG: &str = r#"{"prices": {"espresso": 240, "flat white": 360}, "test-customer": "smoke-test"}"#;

    fn price() -> Price {
        testing::configured(CONFIG).unwrap()
    }

    /// An order as it is passed on.
    #[derive(Row, Debug, PartialEq)]
    struct Seen<'a> {
        customer: &'a str,
        cents: i64,
    }

    #[test]
    fn items_are_added_up_and_tests_are_dropped() {
        let orders =
            [("old-mill", "2x espresso, 1x flat white"), ("smoke-test", "1x espresso"), ("town-hall", "3x espresso")];
        let results = testing::transform(price(), &orders.map(|(customer, items)| Order { customer, items })).unwrap();
        let expected = [("old-mill", 840), ("town-hall", 720)].map(|(customer, cents)| Seen { customer, cents });
        assert_eq!(results.main::<Seen>(), expected);
    }

    #[test]
    fn an_order_with_a_bad_item_is_refused_as_a_whole() {
        for (items, why) in [
            ("1x espresso, 1x esspresso", "item \"1x esspresso\": not in the price list"),
            ("0x espresso", "item \"0x espresso\": the quantity is not between 1 and 999"),
            ("1000x espresso", "item \"1000x espresso\": the quantity is not between 1 and 999"),
            ("-1x espresso", "item \"-1x espresso\": the quantity is no number"),
            ("9999999999x espresso", "item \"9999999999x espresso\": the quantity is not between 1 and 999"),
            ("espresso", "item \"espresso\": not like \"2x espresso\""),
            ("", "item \"\": not like \"2x espresso\""),
        ] {
            let results = testing::transform(price(), &[Order { customer: "old-mill", items }]).unwrap();
            assert_eq!(results.rejected(), [(0, why)]);
        }
    }
}
