const weir = @import("weir");

const Operator = struct {
    pub fn process(_: *const Operator, _: struct { id: i64 }, _: *weir.KeyContext(Operator), _: *weir.Emitter(struct {})) !void {}

    pub fn onTimr(_: *const Operator, _: weir.Timer, _: *weir.KeyContext(Operator), _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Keyed(Operator);
}
