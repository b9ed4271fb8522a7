const weir = @import("weir");

const Operator = struct {
    fn process(_: *const Operator, _: struct {}, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
