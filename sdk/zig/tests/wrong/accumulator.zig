const weir = @import("weir");

const Sum = struct { sum: f64 };

const Operator = struct {
    pub fn accumulate(_: *const Operator, _: *Sum, _: struct { id: i64 }) !void {}
    pub fn merge(_: *const Operator, _: *Sum, _: Sum) !void {}
    pub fn finish(_: *const Operator, sum: Sum) Sum {
        return sum;
    }
};

comptime {
    _ = weir.Aggregate(Operator);
}
