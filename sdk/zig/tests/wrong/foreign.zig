const weir = @import("weir");

const Operator = struct {
    pub const State = struct { count: u64 };

    pub fn process(_: *const Operator, _: struct { id: i64 }, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
