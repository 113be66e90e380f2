//! How near to us an address is. Pure.
//!
//! Ranges of the IANA special-purpose address registries (RFC 6890 and its updates) and the places
//! where clouds keep the metadata of their machines. An IPv6 address that carries an IPv4 address
//! (mapped, compatible, NAT64, 6to4) is as near as what it carries.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How near to us an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// The internet.
    Public,
    /// A private network.
    Private,
    /// This machine.
    Loopback,
    /// Nowhere we go: link-local, multicast, unspecified, metadata services.
    Never,
}

impl Zone {
    /// The zone of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => v4(address),
            IpAddr::V6(address) => v6(address),
        }
    }
}

fn v4(address: Ipv4Addr) -> Zone {
    /// Metadata of Alibaba Cloud, in the midst of a shared range.
    const METADATA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    let [a, b, c, _] = address.octets();
    if address.is_loopback() {
        Zone::Loopback
    } else if a == 0
        || a >= 224
        || address.is_link_local()
        || address == METADATA
        || [a, b, c] == [192, 0, 0]
        || address.is_documentation()
    {
        Zone::Never
    } else if address.is_private()
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
    {
        Zone::Private
    } else {
        Zone::Public
    }
}

fn v6(address: Ipv6Addr) -> Zone {
    /// Where AWS keeps its metadata, in the midst of a private range.
    const METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
    let [a, b, c, ..] = address.segments();
    if address.is_loopback() {
        Zone::Loopback
    } else if let Some(inner) = carried(address) {
        v4(inner)
    } else if address.is_unspecified()
        || address.is_multicast()
        || address.is_unicast_link_local()
        || address == METADATA
        // Site-local, long deprecated; NAT64 of one's own; Teredo; documentation.
        || a & 0xffc0 == 0xfec0
        || [a, b, c] == [0x64, 0xff9b, 1]
        || [a, b] == [0x2001, 0]
        || [a, b] == [0x2001, 0xdb8]
    {
        Zone::Never
    } else if address.is_unique_local() {
        Zone::Private
    } else {
        Zone::Public
    }
}

/// The IPv4 address inside: NAT64 (RFC 6052), 6to4 (RFC 3056), compatible (RFC 4291, deprecated).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(of(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Zone {
        Zone::of(text.parse().expect("an address"))
    }

    #[test]
    fn each_range_is_as_near_as_it_is() {
        for (near, all) in [
            (Zone::Public, &["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"][..]),
            (
                Zone::Private,
                &["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "2002:a00:1::"],
            ),
            (Zone::Loopback, &["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]),
            (
                Zone::Never,
                &[
                    "0.0.0.0",
                    "169.254.169.254",
                    "224.0.0.1",
                    "255.255.255.255",
                    "100.100.100.200",
                    "192.0.0.192",
                    "192.0.2.1",
                    "::",
                    "fe80::1",
                    "ff02::1",
                    "fd00:ec2::254",
                    "fec0::1",
                    "::ffff:169.254.169.254",
                    "64:ff9b::a9fe:a9fe",
                    "64:ff9b:1::1",
                    "2002:a9fe:a9fe::",
                    "::169.254.169.254",
                    "2001:0:1::",
                ],
            ),
        ] {
            for one in all {
                assert_eq!(zone(one), near, "{one}");
            }
        }
    }
}
