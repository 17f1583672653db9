//! The monitoring port: what a load balancer and Prometheus see.

use std::process::Command;

use strongroom_client::{Config, Connection, Pem};

use crate::house::{House, address, text};

fn ask(monitor: &str, path: &str) -> (u16, String) {
    let url = format!("http://{monitor}{path}");
    let output = Command::new("curl")
        .args(["-s", "-m", "20", "-w", "\n%{http_code}", &url])
        .output()
        .unwrap();
    let said = text(&output);
    let (body, code) = said.rsplit_once('\n').unwrap();
    (code.parse().unwrap(), body.to_owned())
}

fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find(|l| l.strip_prefix(name).is_some_and(|r| r.starts_with(' ')));
    let line = line.unwrap_or_else(|| panic!("no {name} in\n{metrics}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn health_and_metrics_tell_how_it_goes_and_nothing_of_whom_or_which_key() {
    let mut house = House::new();
    let monitor = address();
    let mut serve = house.quickstart(&["--skip-proof"]);
    serve.env("STRONGROOM_MONITOR__LISTEN", &monitor);
    house.start(serve);
    let dir = house.data().join("bundles/client");
    let file = |name: &str| Pem::file(dir.join(name));
    let config =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    let mut client = Connection::open(&config).unwrap();
    let id = client.create_symmetric_key(256, 12, Some("a secret name")).unwrap();
    for _ in 0..3 {
        client.get(&id).unwrap();
    }
    assert!(client.get("nobody").is_err());
    assert_eq!(ask(&monitor, "/health"), (200, "{\"state\":\"serving\"}".to_owned()));
    let (code, metrics) = ask(&monitor, "/metrics");
    assert_eq!(code, 200);
    assert!(metrics.ends_with("# EOF\n") || metrics.ends_with("# EOF"), "{metrics}");
    let requests = |operation: &str, result: &str| {
        let labels = format!("{{operation=\"{operation}\",result=\"{result}\"}}");
        value(&metrics, &format!("strongroom_requests_total{labels}"))
    };
    assert_eq!(requests("Create", "success"), 1.0);
    assert_eq!(requests("Get", "success"), 3.0);
    assert_eq!(requests("Get", "denied"), 1.0);
    assert_eq!(value(&metrics, "strongroom_serving"), 1.0);
    assert!(value(&metrics, "strongroom_root_slots") >= 2.0);
    assert!(value(&metrics, "strongroom_commit_seconds_count") >= 1.0);
    assert!(value(&metrics, "strongroom_commit_batch_count") >= 1.0);
    assert!(value(&metrics, "strongroom_audit_head{chain=\"uses\"}") > 1.0);
    assert!(value(&metrics, "strongroom_connections{port=\"kmip\"}") >= 1.0);
    assert!(value(&metrics, "strongroom_server_certificate_end_seconds") > 1.7e9);
    for private in [id.as_str(), "a secret name", "officer", "client\""] {
        assert!(!metrics.contains(private), "{private}: {metrics}");
    }
    // Nothing else is there, and nothing can be changed.
    assert_eq!(ask(&monitor, "/v1/status").0, 404);
    let sealed = house.run(&["root", "seal", "--yes"]);
    assert!(sealed.status.success(), "{}", text(&sealed));
    assert_eq!(ask(&monitor, "/health"), (503, "{\"state\":\"sealed\"}".to_owned()));
    let (code, metrics) = ask(&monitor, "/metrics");
    assert_eq!((code, value(&metrics, "strongroom_serving")), (200, 0.0));
    assert_eq!(house.stop("TERM"), Some(0));
}
