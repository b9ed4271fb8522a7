//! Holds a client to where its job may connect. librdkafka finds addresses by itself, those of brokers that a cluster tells of too, so it
//! asks here before each connection. The only place of this crate that calls C.
//!
//! The client library offers no way to set the callback before it makes a client. So the client is made without brokers, when it has
//! nobody to connect to; then the callback is set, and then the brokers are added.

#![allow(unsafe_code, reason = "librdkafka takes a callback in C only")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use weir_core::allow_connect::AllowConnect;

use super::client::Trouble;

/// A context whose client may be held to a rule.
pub(super) trait Guarded: ClientContext {
    /// Where its troubles are told, and its rule is.
    fn trouble(&self) -> &Trouble;
}

/// Sets the rule of a client that was made without brokers, and gives it its brokers; `false`: there is none among them.
pub(super) fn hold<C: Guarded>(client: &Client<C>, rule: AllowConnect, brokers: &str) -> bool {
    let Ok(brokers) = CString::new(brokers) else { return false };
    client.context().trouble().hold_to(rule);
    // SAFETY: the client lives as long as the reference. What `rd_kafka_conf` gives is the client's own configuration, which is const only
    // for readers of it; nobody else looks at the callback before there is a broker, whose thread begins with `rd_kafka_brokers_add`.
    // The opaque pointer of the callback is the context, of type `C`, which the client keeps until its threads have ended.
    unsafe {
        let conf = c::rd_kafka_conf(client.native_ptr()).cast_mut();
        c::rd_kafka_conf_set_connect_cb(conf, Some(connect::<C, _>));
        c::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) > 0
    }
}

/// Connects as librdkafka would, if the rule lets it: 0, or an error number. It does not block, as its socket does not.
unsafe extern "C" fn connect<C: Guarded, A>(
    socket: c_int,
    address: *const A,
    length: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> c_int {
    // SAFETY: librdkafka calls with an open socket, an address of this length, the broker's name and the opaque pointer, which is the
    // client's context; all of them are there until this returns.
    let (socket, address, id, context) = unsafe {
        let length = u32::try_from(length).unwrap_or_default();
        if address.is_null() || id.is_null() || opaque.is_null() || length < 4 {
            return Errno::INVAL.raw_os_error();
        }
        let address = SocketAddrAny::read(address.cast(), length);
        (BorrowedFd::borrow_raw(socket), address, CStr::from_ptr(id), &*opaque.cast::<C>())
    };
    let Ok(address) = SocketAddr::try_from(address) else { return Errno::AFNOSUPPORT.raw_os_error() };
    let id = id.to_string_lossy();
    let host = id.rsplit_once(':').map_or(&*id, |(host, _)| host).trim_matches(['[', ']']);
    if !context.trouble().may_connect(host, address) {
        return Errno::ACCESS.raw_os_error();
    }
    match rustix::net::connect(socket, &address) {
        Ok(()) | Err(Errno::INPROGRESS) => 0,
        Err(error) => error.raw_os_error(),
    }
}
