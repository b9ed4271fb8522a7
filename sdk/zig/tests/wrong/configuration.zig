const weir = @import("weir");

const Operator = struct {
    limits: struct { most: *const u8 },

    pub fn process(_: *const Operator, _: struct { id: i64 }, _: *weir.Emitter(struct {})) !void {}
};

comptime {
    _ = weir.Transform(Operator);
}
