const weir = @import("weir");

const Operator = struct {
    pub fn process(_: *const Operator, _: struct { id: i64 }, _: *weir.Emitter(i64)) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
