"""Which server is next, and when."""

import random

import pytest

from spica_live.endpoints import CAP_S, MAX_EXTRA, Endpoints, normal

A, B, C = "http://a:1", "http://b:1", "http://c:1"


def endpoints(*urls, cap_s=CAP_S):
    return Endpoints(list(urls), random.Random(1), cap_s)


def urls_of(chosen):
    return chosen[0].url


def test_the_order_holds_and_what_failed_comes_later():
    them = endpoints(A, B)
    first, wait = them.next(0.0)
    assert (first.url, wait) == (A, 0.0)
    them.failed(first, 0.0)
    assert urls_of(them.next(0.0)) == B
    # A's pause is over, but B has not failed.
    assert urls_of(them.next(100.0)) == B


def test_pauses_grow_to_the_cap_and_begin_anew_after_a_good_session():
    them = endpoints(A)
    only = them.list[0]
    waits = []
    for _ in range(200):
        them.failed(only, 0.0)
        waits.append(them.next(0.0)[1])
    assert max(waits) <= CAP_S and max(waits) > CAP_S * 0.9
    assert min(waits[20:]) < CAP_S * 0.1, "full jitter: anything from nothing on"
    them.lost(only, 0.0, lived_s=60.0)
    assert them.next(0.0)[1] <= 0.5


def test_a_session_that_ended_at_once_is_no_success():
    them = endpoints(A)
    for _ in range(12):
        them.lost(them.list[0], 0.0, lived_s=0.1)
    assert them.list[0].failures == 12


def test_a_pause_that_a_server_asked_for_is_kept_to_even_if_another_prefers_it():
    them = endpoints(A, B)
    them.failed(them.list[0], 0.0, retry_after_s=600.0)
    them.failed(them.list[1], 0.0)
    assert urls_of(them.next(100.0)) == B
    them.prefer(them.list[1], A, 100.0)
    assert them.list[0].not_before >= 600.0


def test_the_active_comes_first_and_its_failures_stay_counted():
    them = endpoints(A, B)
    them.failed(them.list[0], 0.0)
    them.prefer(them.list[0], "b:1", 0.0)
    assert urls_of(them.next(0.0)) == B
    # B says that A is active, and A that B is: they are not asked faster and faster.
    them.failed(them.list[1], 0.0)
    them.prefer(them.list[1], A, 0.0)
    assert them.list[0].failures == 1


def test_the_active_may_be_new_but_not_without_encryption():
    them = endpoints("https://a:1")
    them.prefer(them.list[0], "http://b:1", 0.0)
    them.prefer(them.list[0], "nonsense://b", 0.0)
    assert [e.url for e in them.list] == ["https://a:1"]
    them.prefer(them.list[0], "b:1", 0.0)
    assert urls_of(them.next(0.0)) == "https://b:1"


def test_servers_that_are_named_are_limited():
    them = endpoints(A)
    for number in range(20):
        them.prefer(them.list[0], f"http://x{number}:1", 0.0)
    assert len(them.list) == 1 + MAX_EXTRA and them.list[0].url == A


@pytest.mark.parametrize(
    "given, url",
    [
        ("a", "http://a:80"),
        ("https://a", "https://a:443"),
        ("wss://a:7/x", "https://a:7"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses_are_made_alike(given, url):
    assert normal(given) == url


@pytest.mark.parametrize("given", ["", "ftp://a", "http://", "http://a:b"])
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValueError):
        normal(given)
