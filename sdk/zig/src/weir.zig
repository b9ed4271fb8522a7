//! Write a Weir operator in Zig: a struct whose fields are its configuration, rows that are structs, and
//! `pub const operator = weir.Transform(MyOperator);`
//!
//! | to write | |
//! |---|---|
//! | a filter, map, flat-map, project, split, on rows or on columns | `Transform` |
//! | an operator with state and timers per key | `Keyed` |
//! | an aggregate for windows | `Aggregate` |
//!
//! value.zig says what the fields of rows can be. Rows never cross the boundary: batches come and go as columns, and only those
//! that a row declares come at all.

pub const Transform = @import("transform.zig").Transform;
pub const Keyed = @import("keyed.zig").Keyed;
pub const Aggregate = @import("aggregate.zig").Aggregate;
pub const Emitter = @import("emitter.zig").Emitter;
pub const Columns = @import("rows.zig").Columns;
pub const Column = @import("column.zig").Column;
pub const ColumnEmitter = @import("column_emitter.zig").ColumnEmitter;

pub const KeyContext = @import("keyed.zig").KeyContext;
pub const Map = @import("map.zig").Map;
pub const OldStates = @import("states.zig").OldStates;
pub const Timer = @import("timers.zig").Timer;
pub const TimeDomain = @import("timers.zig").TimeDomain;

pub const Keep = @import("outputs.zig").Keep;
pub const Kept = @import("outputs.zig").Kept;
pub const Changelog = @import("outputs.zig").Changelog;
pub const refuse = @import("refuse.zig").refuse;
pub const reasonOf = @import("refuse.zig").reasonOf;
/// For tests of operators.
pub const testing = @import("testing.zig");
pub const metrics = @import("metrics.zig");

pub const Binary = @import("types.zig").Binary;
pub const Date = @import("types.zig").Date;
pub const Decimal = @import("types.zig").Decimal;
pub const EventTime = @import("types.zig").EventTime;
pub const Number = @import("types.zig").Number;
pub const RowKind = @import("types.zig").RowKind;
pub const Timestamp = @import("types.zig").Timestamp;
pub const TimestampMillis = @import("types.zig").TimestampMillis;
pub const TimestampNanos = @import("types.zig").TimestampNanos;
pub const TimestampSeconds = @import("types.zig").TimestampSeconds;
