//! The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.

const std = @import("std");
const weir = @import("weir");

pub const operator = weir.Aggregate(Average);

/// What it reads, from columns that the configuration names.
const Weighted = struct { value: ?weir.Number, weight: ?weir.Number };

/// What is kept per group.
const Sums = struct { sum: f64 = 0, weight: f64 = 0, rows: i64 = 0 };

/// The result.
const Averages = struct { average: ?f64 };

/// The names of two columns.
const Average = struct {
    value: []const u8,
    weight: []const u8,

    pub const title = "A weighted average";

    pub fn columnOf(self: *const Average, field: []const u8) []const u8 {
        return if (std.mem.eql(u8, field, "value")) self.value else self.weight;
    }

    pub fn accumulate(_: *const Average, sums: *Sums, row: Weighted) !void {
        const value = (row.value orelse return).value;
        const weight = (row.weight orelse return).value;
        if (weight < 0) return weir.refuse("the weight is negative", .{});
        sums.sum += value * weight;
        sums.weight += weight;
        sums.rows += 1;
    }

    pub fn merge(_: *const Average, sums: *Sums, other: Sums) !void {
        sums.sum += other.sum;
        sums.weight += other.weight;
        sums.rows += other.rows;
    }

    pub fn finish(_: *const Average, sums: Sums) !Averages {
        return .{ .average = if (sums.weight == 0) null else sums.sum / sums.weight };
    }
};
