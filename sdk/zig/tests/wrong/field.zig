const weir = @import("weir");

const Row = struct { id: i64, parts: []const struct { size: ?u7 } };

const Operator = struct {
    pub fn process(_: *const Operator, _: Row, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
