//! [`AllowConnect`]: where the jobs of a server may connect to. It decides about addresses that somebody else has found, and opens no
//! socket: the client that connects asks for every address, so that a name which leads elsewhere a moment later leads nowhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::sync::Arc;

/// Addresses at which clouds tell a machine its secrets, and which are not link-local: of Alibaba, Azure, Oracle, AWS and Google.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Where jobs may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowConnect {
    /// Everywhere.
    #[default]
    Everywhere,
    /// To other machines: not to this one, its link-local neighbours, and what tells it its secrets.
    OtherMachines,
    /// To these places.
    Only(Arc<[Place]>),
}

/// A place that may be connected to: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    host: Host,
    /// `None`: any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// In lower case. An administrator who allows a name trusts what it leads to.
    Name(String),
    /// The addresses that begin with so many bits of this one.
    Block(IpAddr, u8),
}

impl AllowConnect {
    /// Whether a client may connect to an address that it has found for a host, which is a name or an address itself.
    #[must_use]
    pub fn allows(&self, host: &str, address: SocketAddr) -> bool {
        let ip = plain(address.ip());
        match self {
            Self::Everywhere => true,
            Self::OtherMachines => !is_near(ip) && !is_own(ip),
            Self::Only(places) => places.iter().any(|place| {
                place.port.is_none_or(|port| port == address.port())
                    && match &place.host {
                        Host::Any => true,
                        Host::Name(name) => *name == name_of(host),
                        Host::Block(block, bits) => begins(ip, *block, *bits),
                    }
            }),
        }
    }

    /// Checks a host before anybody connects; `resolve` finds its addresses. One that has none yet is left to the client, which asks again.
    ///
    /// # Errors
    /// The first address that is not allowed, and what decides about that.
    pub fn check(
        &self,
        host: &str,
        port: u16,
        resolve: impl FnOnce(&str, u16) -> std::io::Result<Vec<SocketAddr>>,
    ) -> Result<(), String> {
        if *self == Self::Everywhere {
            return Ok(());
        }
        let addresses = resolve(host, port).unwrap_or_default();
        match addresses.into_iter().find(|address| !self.allows(host, *address)) {
            Some(address) => Err(self.refusal(host, address)),
            None => Ok(()),
        }
    }

    /// Why a client may not connect.
    #[must_use]
    pub fn refusal(&self, host: &str, address: SocketAddr) -> String {
        let address = SocketAddr::new(plain(address.ip()), address.port());
        let of = if address.ip().to_string() == host { String::new() } else { format!(", which {host:?} is") };
        let which = match self {
            Self::Only(_) => "",
            _ => " (this machine, link-local addresses and cloud metadata are not allowed unless they are named there)",
        };
        format!(
            "jobs of this server may not connect to {address}{of}: `weir serve --allow-connect HOST:PORT` says where they may{which}"
        )
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "write HOST:PORT, for example kafka-1:9092, 10.0.0.0/8:9092, [fd00::/8]:* or *:443";
        const PORT: &str = "a port is a number from 1 to 65535, or * for any";
        let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
        let port = match port {
            "*" => None,
            port if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => {
                Some(port.parse().ok().filter(|port| *port > 0).ok_or(PORT)?)
            }
            _ => return Err(FORM.to_owned()),
        };
        let bracketed = host.strip_prefix('[').map(|host| host.strip_suffix(']').ok_or(FORM)).transpose()?;
        // Without brackets it is not clear where an IPv6 address ends and the port begins.
        if bracketed.is_none() && host.contains(':') {
            return Err(FORM.to_owned());
        }
        let host = match bracketed.unwrap_or(host) {
            "*" => Host::Any,
            host => match host.split_once('/') {
                Some((block, bits)) => {
                    let (block, bits): (IpAddr, u8) =
                        (block.parse().map_err(|_| FORM)?, bits.parse().map_err(|_| FORM)?);
                    let most = if block.is_ipv4() { 32 } else { 128 };
                    if bits > most {
                        return Err(format!("a block of {block} has at most {most} bits"));
                    }
                    Host::Block(block, bits)
                }
                None => match host.parse::<IpAddr>() {
                    Ok(ip) => Host::Block(plain(ip), if plain(ip).is_ipv4() { 32 } else { 128 }),
                    Err(_) if bracketed.is_some() => return Err(FORM.to_owned()),
                    Err(_) => {
                        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                        if host.is_empty() || !host.bytes().all(legal) {
                            return Err(FORM.to_owned());
                        }
                        Host::Name(name_of(host))
                    }
                },
            },
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Name(name) => f.write_str(name)?,
            Host::Block(block, bits) => write!(f, "[{block}/{bits}]")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => f.write_str(":*"),
        }
    }
}

/// Host and port of an address as clients write it: `HOST` or `HOST:PORT`, with an address of IPv6 in brackets, behind a scheme or not.
/// `None`: there is no host, or the port is no number from 1 to 65,535.
#[must_use]
pub fn host_and_port(address: &str, default_port: u16) -> Option<(&str, u16)> {
    let address = address.split_once("://").map_or(address, |(_, address)| address);
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(default_port), |port| port.parse().ok())?;
    Some((host, port)).filter(|(host, port)| !host.is_empty() && *port > 0)
}

fn name_of(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// An address that only leads to one of IPv4 as that one.
fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let four = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => ip,
        // Mapped, as old as `::1.2.3.4`, and by NAT64.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => four(high, low),
        // 6to4.
        [0x2002, high, low, ..] => four(high, low),
        _ => ip,
    }
}

/// Whether it is this machine, a link-local neighbour, or tells it its secrets.
fn is_near(ip: IpAddr) -> bool {
    METADATA.contains(&ip)
        || match ip {
            // All of 0.0.0.0/8 is this machine to some systems.
            IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_broadcast() || v4.octets()[0] == 0,
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unicast_link_local(),
        }
}

/// Whether an interface of this machine has the address: then a socket can be bound to it, and to no other.
fn is_own(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// Whether the first bits are those of a block.
fn begins(ip: IpAddr, block: IpAddr, bits: u8) -> bool {
    let same =
        |one: u128, other: u128, width: u32| (one ^ other).checked_shr(width - u32::from(bits)).unwrap_or(0) == 0;
    match (ip, block) {
        (IpAddr::V4(ip), IpAddr::V4(block)) => same(ip.to_bits().into(), block.to_bits().into(), 32),
        (IpAddr::V6(ip), IpAddr::V6(block)) => same(ip.to_bits(), block.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn addresses_of_the_interfaces_are_this_machine() {
        // Nothing is sent: the system only says from which address it would be.
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let Ok(own) = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()) else { return };
        assert!(!AllowConnect::OtherMachines.allows("x", own), "{own}");
        assert!(AllowConnect::Everywhere.allows("x", own));
    }

    #[test]
    fn this_machine_and_metadata_are_known_in_every_spelling() {
        for near in [
            "127.0.0.1:1",
            "127.8.9.1:1",
            "0.0.0.0:1",
            "0.1.2.3:1",
            "255.255.255.255:1",
            "169.254.169.254:80",
            "169.254.170.2:80",
            "100.100.100.200:80",
            "168.63.129.16:80",
            "192.0.0.192:80",
            "[::1]:1",
            "[::]:1",
            "[fe80::1]:1",
            "[febf::1]:1",
            "[fd00:ec2::254]:80",
            "[fd20:ce::254]:80",
            "[::ffff:127.0.0.1]:1",
            "[::ffff:169.254.169.254]:80",
            "[::127.0.0.1]:1",
            "[64:ff9b::169.254.169.254]:80",
            "[2002:7f00:1::]:1",
        ] {
            assert!(!AllowConnect::OtherMachines.allows("x", at(near)), "{near}");
            assert!(AllowConnect::Everywhere.allows("x", at(near)), "{near}");
        }
        for far in
            ["10.0.0.1:1", "192.168.1.1:1", "[2001:db8::1]:1", "[fd00::1]:1", "[fec0::1]:1", "[::ffff:10.0.0.1]:1"]
        {
            assert!(AllowConnect::OtherMachines.allows("x", at(far)), "{far}");
        }
    }

    #[test]
    fn places_are_names_addresses_blocks_and_ports() {
        // Host, address, and whether it is allowed.
        type Asked = (&'static str, &'static str, bool);
        let cases: [(&str, &[Asked]); 8] = [
            (
                "kafka-1:9092",
                &[
                    ("kafka-1", "10.0.0.1:9092", true),
                    ("KAFKA-1.", "10.0.0.1:9092", true),
                    ("kafka-2", "10.0.0.1:9092", false),
                ],
            ),
            ("kafka-1:9092", &[("kafka-1", "10.0.0.1:9093", false), ("10.0.0.1", "10.0.0.1:9092", false)]),
            (
                "10.0.0.1:*",
                &[("a", "10.0.0.1:1", true), ("a", "[::ffff:10.0.0.1]:1", true), ("a", "10.0.0.2:1", false)],
            ),
            (
                "10.0.0.0/8:9092",
                &[("a", "10.9.0.1:9092", true), ("a", "11.0.0.1:9092", false), ("a", "[::a00:1]:9092", true)],
            ),
            ("0.0.0.0/0:1", &[("a", "1.2.3.4:1", true), ("a", "[2001:db8::1]:1", false)]),
            ("[fd00::/8]:*", &[("a", "[fdff::1]:7", true), ("a", "[fe00::1]:7", false), ("a", "10.0.0.1:7", false)]),
            ("[::1]:9", &[("a", "[::1]:9", true), ("a", "[::2]:9", false)]),
            ("*:443", &[("a", "10.0.0.1:443", true), ("a", "10.0.0.1:80", false)]),
        ];
        for (place, asked) in cases {
            let only = AllowConnect::Only([place.parse().unwrap()].into());
            for (host, address, allowed) in asked {
                assert_eq!(only.allows(host, at(address)), *allowed, "{place} {host} {address}");
            }
        }
        for wrong in [
            "",
            "a",
            "a:",
            "a:b",
            "a:70000",
            "a:99999999999",
            "*:0",
            "a:+1",
            "[a]:1",
            "::1:1",
            "fd00::/8:1",
            "10.0.0.0/33:1",
            "a/8:1",
            "[fd00::/129]:1",
            "a b:1",
            ":1",
        ] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for (address, expected) in [
            ("kafka-1", Some(("kafka-1", 9092))),
            ("kafka-1:1", Some(("kafka-1", 1))),
            ("SASL_SSL://kafka-1:65535", Some(("kafka-1", 65535))),
            ("[::1]", Some(("::1", 9092))),
            ("[::1]:9000", Some(("::1", 9000))),
            (":9", None),
            ("a:0", None),
            ("a:65536", None),
            ("a:99999", None),
            ("a:", None),
            ("::1", None),
        ] {
            assert_eq!(host_and_port(address, 9092), expected, "{address}");
        }
    }

    #[test]
    fn every_address_of_a_name_is_checked() {
        let both = |_: &str, _: u16| Ok(vec![at("10.0.0.1:9092"), at("127.0.0.1:9092")]);
        let refused = AllowConnect::OtherMachines.check("mixed", 9092, both).unwrap_err();
        assert!(refused.contains("may not connect to 127.0.0.1:9092, which \"mixed\" is"), "{refused}");
        assert!(AllowConnect::Everywhere.check("mixed", 9092, both).is_ok());
        let nothing = |_: &str, _: u16| Err(std::io::Error::other("no such host"));
        assert!(AllowConnect::OtherMachines.check("unknown", 9092, nothing).is_ok());
    }
}
