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
    assert!(value(&metrics, "strongroom_audit_head{chain=\"changes\"}") > 1.0);
    assert!(value(&metrics, "strongroom_commit_seconds_sum") > 0.0);
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

/// Every metric that the documents name, with values that something was done for.
#[test]
fn what_is_late_and_what_ends_soon_is_in_the_metrics() {
    let mut house = House::new();
    let set_up = house.quickstart(&["--once"]).output().unwrap();
    assert!(set_up.status.success(), "{}", text(&set_up));
    let (monitor, nobody) = (address(), address());
    let config = house.data().join("strongroom.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let more = format!(
        "[monitor]\nlisten = \"{monitor}\"\n[[forward]]\nname = \"siem\"\naddress = \"{nobody}\"\n\
         transport = \"tcp\"\n"
    );
    std::fs::write(&config, format!("{written}\n{more}")).unwrap();
    let mut command = crate::house::strongroom();
    command.arg("serve").arg("--config").arg(&config);
    house.start(command);
    let now = |name: &str| value(&ask(&monitor, "/metrics").1, name);
    let (ends, due) = (now("strongroom_certificates_expiring"), now("strongroom_keys_due"));
    let (denied, slots) = (
        "strongroom_requests_total{operation=\"Get\",result=\"denied\"}",
        now("strongroom_root_slots"),
    );
    let issue = ["client", "issue", "brief", "--days", "7", "--out"];
    let out = house.dir.path().join("brief");
    house.json(&[&issue[..], &[out.to_str().unwrap()]].concat());
    house.json(&["key", "create", "turns", "--activate", "--rotate-every", "20d"]);
    house.json(&["key", "create", "stays", "--activate", "--rotate-every", "90d"]);
    house.json(&[
        "root",
        "slot",
        "add",
        "shamir",
        "--threshold",
        "2",
        "--shares",
        "2",
        "--shares-dir",
        house.dir.path().join("more").to_str().unwrap(),
    ]);
    let file = |name: &str| Pem::file(out.join(name));
    let bundle =
        Config::new([house.kmip.as_str()], file("ca.pem"), file("cert.pem"), file("key.pem"));
    let mut client = Connection::open(&bundle).unwrap();
    for n in 0..5 {
        assert!(client.get(&format!("nobody-{n}")).is_err());
    }
    assert_eq!(now("strongroom_certificates_expiring"), ends + 1.0);
    assert_eq!(now("strongroom_keys_due"), due + 1.0);
    assert_eq!(now("strongroom_root_slots"), slots + 1.0);
    assert_eq!(now(denied), 5.0);
    // Nobody listens where the audit is sent to: what waits grows older.
    let begun = std::time::Instant::now();
    let of = |what: &str| now(&format!("strongroom_forward_{what}{{destination=\"siem\"}}"));
    while of("lag_records") < 10.0 || of("lag_seconds") < 1.0 {
        assert!(begun.elapsed().as_secs() < 60, "no lag");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert_eq!(of("connected"), 0.0);
    let metrics = ask(&monitor, "/metrics").1;
    let document = include_str!("../../../../doc/monitoring.md");
    let rows = document.lines().filter(|line| line.starts_with("| `strongroom_"));
    for row in rows {
        for name in
            row.split('|').nth(1).unwrap().split('`').filter(|n| n.starts_with("strongroom_"))
        {
            let name = name.split('{').next().unwrap().trim_end_matches("_total");
            assert!(metrics.contains(&format!("# TYPE {name} ")), "{name} is not there");
        }
    }
    assert_eq!(house.stop("TERM"), Some(0));
}
