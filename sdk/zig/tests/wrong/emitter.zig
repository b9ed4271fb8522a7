const weir = @import("weir");

const Out = struct {};

const Operator = struct {
    pub fn process(_: *const Operator, _: struct { id: i64 }, _: weir.Emitter(Out)) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
