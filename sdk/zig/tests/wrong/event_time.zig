const weir = @import("weir");

const Row = struct { point: struct { at: weir.EventTime } };

const Operator = struct {
    pub fn process(_: *const Operator, _: Row, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
