//! Where the entries of maps are read: in a component the host's functions, natively a stand-in that a test gives.

const bindings = @import("operator_bindings");
const maps = bindings.maps;
const wire = bindings.types;

pub const get = if (in_component) maps.get else Native.get;
pub const scan = if (in_component) maps.scan else Native.scan;

/// What stands in for the host in native tests, during a call.
pub const StandIn = struct {
    context: *anyopaque,
    getFn: *const fn (context: *anyopaque, map_index: u32, keys: wire.Buffer, entry_keys: bindings.List(wire.Node)) bindings.Result(maps.Found),
    scanFn: *const fn (context: *anyopaque, map_index: u32, key: u32, lower: maps.Bound, upper: maps.Bound, limit: u32) bindings.Result(maps.Page),
};

pub threadlocal var stand_in: ?StandIn = null;

const in_component = @import("builtin").target.cpu.arch.isWasm();

const Native = struct {
    fn get(map_index: u32, keys: wire.Buffer, entry_keys: bindings.List(wire.Node)) bindings.Result(maps.Found) {
        const host = stand_in orelse return .err("there are no maps outside of a call");
        return host.getFn(host.context, map_index, keys, entry_keys);
    }

    fn scan(map_index: u32, key: u32, lower: maps.Bound, upper: maps.Bound, limit: u32) bindings.Result(maps.Page) {
        const host = stand_in orelse return .err("there are no maps outside of a call");
        return host.scanFn(host.context, map_index, key, lower, upper, limit);
    }
};
