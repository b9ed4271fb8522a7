//! The SDK's own tests.

test {
    _ = @import("types.zig");
    _ = @import("transform.zig");
    _ = @import("columns.zig");
    _ = @import("keyed.zig");
    _ = @import("aggregate.zig");
    _ = @import("config.zig");
}
