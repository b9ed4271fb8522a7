const weir = @import("weir");

const Operator = struct {
    pub fn process(_: *const Operator, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
