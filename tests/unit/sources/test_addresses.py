"""Which addresses a URL from outside may lead to."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesift.sources.addresses import is_public


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104
        "100.64.0.1", "192.0.0.192", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
        "255.255.255.255", "168.63.129.16",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "2002:a9fe:a9fe::", "2002:808:808::", "2001:0:1::1", "2001:db8::1", "3fff::1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd00:ec2::254", "ff02::1", "100::1", "5f00::1",
        "2852039166", "0x7f.1", "127.1", "0177.0.0.1", "localhost", "",
    ],
)  # fmt: skip
def test_refuses(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "23.45.67.89", "2606:4700::1111", "2a00:1450:4001::200e"])
def test_takes_hosts_on_the_open_internet(address: str) -> None:
    assert is_public(address)


@settings(deadline=None)  # A busy machine is no failure.
@given(st.ip_addresses(v=4))
def test_never_takes_an_ipv4_address_in_ipv6_clothes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    clothes = [number, 0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    assert not any(is_public(str(ipaddress.IPv6Address(dressed))) for dressed in clothes)
