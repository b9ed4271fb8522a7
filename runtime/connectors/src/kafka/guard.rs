//! Holds a client to where its job may connect. librdkafka finds addresses by itself, those of brokers that a cluster tells of too, so it
//! asks here before each connection. The only place of this crate that calls C.
//!
//! The client library offers no way to set the callback before it makes a client. So the client is made without brokers, when it has
//! nobody to connect to; then the callback is set, and then the brokers are added.

#![allow(unsafe_code, reason = "librdkafka takes a callback in C only")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use weir_core::allow_connect::AllowConnect;

use super::trouble::Trouble;

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
        c::rd_kafka_conf_set_connect_cb(conf, Some(connect::<C>));
        c::rd_kafka_brokers_add(client.native_ptr(), brokers.as_ptr()) > 0
    }
}

/// Connects as librdkafka would, if the rule lets it: 0, or an error number. It does not block, as its socket does not.
unsafe extern "C" fn connect<C: Guarded>(
    socket: c_int,
    address: *const libc::sockaddr,
    length: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> c_int {
    if address.is_null() || id.is_null() || opaque.is_null() {
        return libc::EINVAL;
    }
    let length = libc::socklen_t::try_from(length).unwrap_or_default();
    // SAFETY: librdkafka calls with an address of this length, the broker's name, and the opaque pointer, which is the client's context; all
    // of them are there until this returns.
    let (to, id, context) = unsafe { (read(address, length), CStr::from_ptr(id), &*opaque.cast::<C>()) };
    let Some(to) = to else { return libc::EAFNOSUPPORT };
    let id = id.to_string_lossy();
    let host = id.rsplit_once(':').map_or(&*id, |(host, _)| host).trim_matches(['[', ']']);
    if !context.trouble().may_connect(host, to) {
        return libc::EACCES;
    }
    // SAFETY: as above; the socket is open, and librdkafka's own.
    match unsafe { libc::connect(socket, address, length) } {
        0 => 0,
        _ => match Error::last_os_error().raw_os_error() {
            Some(libc::EINPROGRESS) | None => 0,
            Some(error) => error,
        },
    }
}

/// An address of IPv4 or IPv6.
///
/// # Safety
/// There must be so many bytes of an address.
unsafe fn read(address: *const libc::sockaddr, length: libc::socklen_t) -> Option<SocketAddr> {
    let fits = |size: usize| usize::try_from(length).is_ok_and(|length| length >= size);
    if !fits(size_of::<libc::sockaddr>()) {
        return None;
    }
    // SAFETY: the family is within any address, and says which kind it is; its length was looked at.
    unsafe {
        match c_int::from((*address).sa_family) {
            libc::AF_INET => {
                let v4 = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some((Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)), u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 if fits(size_of::<libc::sockaddr_in6>()) => {
                let v6 = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some((Ipv6Addr::from(v6.sin6_addr.s6_addr), u16::from_be(v6.sin6_port)).into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_c_are_read() {
        // SAFETY: they are plain bytes, all of which may be zero, and each is as long as is said.
        unsafe {
            let mut v4: libc::sockaddr_in = std::mem::zeroed();
            v4.sin_family = libc::AF_INET as libc::sa_family_t;
            v4.sin_port = 9092_u16.to_be();
            v4.sin_addr.s_addr = u32::from(Ipv4Addr::new(10, 0, 0, 1)).to_be();
            let (at, length) = ((&raw const v4).cast(), size_of_val(&v4) as libc::socklen_t);
            assert_eq!(read(at, length), Some("10.0.0.1:9092".parse().unwrap()));
            assert_eq!(read(at, length - 1), None);
            let mut v6: libc::sockaddr_in6 = std::mem::zeroed();
            v6.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            v6.sin6_port = 1_u16.to_be();
            v6.sin6_addr.s6_addr = Ipv6Addr::LOCALHOST.octets();
            let (at, length) = ((&raw const v6).cast(), size_of_val(&v6) as libc::socklen_t);
            assert_eq!(read(at, length), Some("[::1]:1".parse().unwrap()));
            assert_eq!(read(at, length - 1), None);
        }
    }
}
