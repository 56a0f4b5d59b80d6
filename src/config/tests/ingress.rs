//! `[ingress]`, and the rhythm of pushes.

use super::*;

#[test]
fn an_ingress_is_absent_or_whole() {
    // No section and an empty one ask for no notices; both keys make one, an address without its end.
    assert_eq!(node("").expect("a config").ingress, None);
    assert_eq!(node("[ingress]\n").expect("a config").ingress, None);
    let text =
        "[ingress]\nlisten = \"0.0.0.0:8443\"\nurl = \"https://hooks.contoso.com/lockstep/\"\n";
    let ingress = node(text).expect("a config").ingress.expect("an ingress");
    assert_eq!(ingress.listen, SocketAddr::from(([0, 0, 0, 0], 8443)));
    assert_eq!(ingress.url, "https://hooks.contoso.com/lockstep");
    let local = "[ingress]\nlisten = \"[::1]:0\"\nurl = \"http://127.0.0.1:8081\"\n";
    assert!(node(local).is_ok(), "a stand-in on this machine");
}

#[test]
fn half_an_ingress_is_a_problem_with_its_place() {
    // One key alone, no address, plain http to elsewhere, a query, an unknown key.
    for (text, place) in [
        ("[ingress]\nlisten = \"127.0.0.1:1\"\n", "ingress.url"),
        ("[ingress]\nurl = \"https://x.example\"\n", "ingress.listen"),
        ("[ingress]\nlisten = \"8081\"\nurl = \"https://x.example\"\n", "2:10 ingress.listen"),
        ("[ingress]\nlisten = \"127.0.0.1:1\"\nurl = \"http://x.example\"\n", "3:7 ingress.url"),
        ("[ingress]\nlisten = \"127.0.0.1:1\"\nurl = \"https://x.example?a\"\n", "3:7 ingress.url"),
        ("[ingress]\nport = 8081\n", "ingress.port"),
    ] {
        let found = places(node(text));
        assert!(found.len() == 1 && found[0].ends_with(place), "{text}: {found:?}");
    }
}

#[test]
fn pushes_have_a_rhythm() {
    // Defaults and bounds of both intervals.
    let sync = node("").expect("a config").sync;
    assert_eq!((sync.idle_interval.as_secs(), sync.feed_interval.as_secs()), (1_800, 10));
    let text = "[sync]\nidle_interval = \"2h\"\nfeed_interval = \"1s\"\n";
    let sync = node(text).expect("a config").sync;
    assert_eq!((sync.idle_interval.as_secs(), sync.feed_interval.as_secs()), (7_200, 1));
    let wrong = "[sync]\nidle_interval = \"2d\"\nfeed_interval = \"0s\"\n";
    assert_eq!(places(node(wrong)).len(), 2);
}
