use super::*;
use serde_json::json;

fn dump() -> Dump {
    let dump = json!({
        "workloads": {"/10.0.0.7": {"uid": "c//Pod/shop/web-1", "workloadIps": ["10.0.0.7"], "name": "web-1", "namespace": "shop",
            "node": "n1", "protocol": "HBONE", "status": "Healthy", "waypoint": {"destination": "/10.96.0.9"}}},
        "services": [
            {"name": "way", "namespace": "shop", "hostname": "way.shop.svc", "vips": ["/10.96.0.9"], "endpoints": {}},
            {"name": "web", "namespace": "shop", "hostname": "web.shop.svc", "vips": ["net/10.96.0.1"],
             "endpoints": {"a": {"workloadUid": "c//Pod/shop/web-1"}, "b": {"workloadUid": "gone"}}}],
        "policies": null,
        "certificates": [
            {"identity": "spiffe://td/ns/shop/sa/web", "state": "Available", "certChain": [
                {"serialNumber": "255", "validFrom": "2026-01-01T00:00:00Z", "expirationTime": "2026-01-02T00:00:00Z"},
                {"serialNumber": "305554775863395697262503895661564044819", "validFrom": "2020-01-01T00:00:00Z", "expirationTime": "2030-01-01T00:00:00Z"}]},
            {"identity": "spiffe://td/ns/shop/sa/db", "state": {"Unavailable": "no CA"}, "certChain": []}],
        "workloadState": {"x": {"info": {"name": "web-1", "namespace": "shop"}, "connections": {
            "inbound": [{"src": "10.0.0.9:5", "originalDst": null, "actualDst": "10.0.0.7:80", "protocol": "HBONE"}],
            "outbound": [{"src": "10.0.0.7:6", "originalDst": "10.96.0.1:80", "actualDst": "10.0.0.8:15008", "protocol": "HBONE"}]}}},
    });
    Dump::read(dump.to_string().as_bytes()).unwrap()
}

#[test]
fn lists_may_be_maps_and_waypoints_have_names() {
    let rows = dump().workload_rows(&Filter::default());
    assert_eq!((rows[0].address.as_str(), rows[0].waypoint.as_str()), ("10.0.0.7", "way"));
    let services = dump().service_rows(&Filter::default());
    assert_eq!((services[1].service_vip.as_str(), services[1].healthy_endpoints, services[1].all_endpoints), ("10.96.0.1", 1, 2));
    assert_eq!(services[1].waypoint, "None");
    for filter in [
        Filter { namespace: "other".into(), ..Filter::default() },
        Filter { node: "n2".into(), ..Filter::default() },
        Filter { address: "10.0.0.8".into(), ..Filter::default() },
        Filter { pods: vec![("shop".into(), "web-2".into())], ..Filter::default() },
    ] {
        assert!(dump().workload_rows(&filter).is_empty(), "{filter:?}");
    }
}

#[test]
fn chains_tell_leaf_from_root_and_time_tells_valid() {
    let rows = dump().certificate_rows("2026-01-01T12:00:00Z".parse().unwrap());
    let told: Vec<_> =
        rows.iter().map(|row| (row.kind, row.valid_cert, row.serial_number.as_str(), row.status.as_str())).collect();
    let serial = "e5dfb59150b2ba7f108d93dcec5aa613";
    assert_eq!(
        told,
        [("Leaf", true, "ff", "Available"), ("Root", true, serial, "Available"), ("NA", false, "NA", "Unavailable")]
    );
    assert_eq!(rows[2].reason, "no CA");
}

#[test]
fn connections_have_names_unless_raw() {
    let told = |filter: Filter| -> Vec<String> {
        dump()
            .connection_rows(&filter)
            .iter()
            .map(|row| format!("{} {} {} {}", row.direction, row.local, row.remote, row.remote_target))
            .collect()
    };
    let named = told(Filter::default());
    assert_eq!(named[0], "Inbound web-1.shop:80 10.0.0.9:5 ");
    assert_eq!(named[1], "Outbound web-1.shop:6 10.0.0.8:15008 web.shop.svc:80");
    let raw = told(Filter { raw: true, direction: "outbound".into(), ..Filter::default() });
    assert_eq!(raw, ["Outbound 10.0.0.7:6 10.0.0.8:15008 10.96.0.1:80"]);
}

#[test]
fn another_dump_is_refused() {
    for wrong in [r#"{"configs":[]}"#, r#"{"a":1}"#, "<html>", "[]"] {
        assert!(Dump::read(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
