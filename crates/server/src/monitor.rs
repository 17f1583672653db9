//! The monitoring port: `/health` for load balancers and `/metrics` for Prometheus, over plain
//! HTTP. It says nothing that a stranger on the monitoring network may not know: no names of users
//! or keys, and nothing can be changed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use strongroom_store::Counts;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin::Admin;
use crate::admin::types::{Disk, PortStatus, Room, State as Serving, Status};
use crate::admission::Gate;
use crate::crl::ListRow;
use crate::kmip_listener::{now, stopped};
use crate::service::Measures;

/// How long a peer may take for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections at once.
const CONNECTIONS: usize = 64;

/// How far ahead an end is "soon", seconds: 30 days.
const SOON: i64 = 30 * 86_400;

/// Serves until `stop` says true.
pub async fn serve(admin: Arc<Admin>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
    let router = Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .with_state(admin);
    let gate = Gate::new(CONNECTIONS);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) => {
                    let Some(place) = gate.enter(peer.ip()) else { continue };
                    let (router, stop) = (router.clone(), stop.clone());
                    connections.spawn(async move {
                        connection(tcp, router, stop).await;
                        drop(place);
                    });
                }
                Err(e) => {
                    tracing::warn!(error = %e, "accepting a monitoring connection failed");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = stopped(&mut stop) => break,
        }
    }
    connections.shutdown().await;
}

async fn connection(tcp: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(64)
        .serve_connection(TokioIo::new(tcp), TowerToHyperService::new(router));
    tokio::select! {
        _ = connection => {}
        () = stopped(&mut stop) => {}
    }
}

/// Whether requests are answered: 200 if so, else 503.
async fn health(State(admin): State<Arc<Admin>>) -> Response {
    let (code, state) = match admin.manager.state() {
        Serving::Serving if admin.manager.room() == Room::Full => {
            (StatusCode::SERVICE_UNAVAILABLE, "disk-full")
        }
        Serving::Serving => (StatusCode::OK, "serving"),
        Serving::Sealed => (StatusCode::SERVICE_UNAVAILABLE, "sealed"),
        Serving::Uninitialised => (StatusCode::SERVICE_UNAVAILABLE, "uninitialised"),
    };
    let mut answer = serde_json::json!({ "state": state });
    if let Some(replica) = admin.manager.replica() {
        answer["replica"] = replica.text().into();
    }
    (code, axum::Json(answer)).into_response()
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let taken = tokio::task::spawn_blocking(move || Snapshot::take(&admin)).await;
    let Ok(snapshot) = taken else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(snapshot));
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Everything at one moment.
#[derive(Debug)]
struct Snapshot {
    status: Status,
    measures: Measures,
    ports: Vec<(&'static str, PortStatus)>,
    server_ends: Option<i64>,
    lists: Vec<ListRow>,
}

impl Snapshot {
    fn take(admin: &Admin) -> Self {
        let mut ports = vec![("admin", admin.numbers())];
        ports.extend(admin.kmip_numbers().map(|numbers| ("kmip", numbers)));
        Self {
            status: admin.manager.status(),
            measures: admin.manager.measures(now() + SOON),
            ports,
            lists: admin.certificates.as_ref().map(|c| c.lists()).unwrap_or_default(),
            server_ends: admin.certificates.as_ref().map(|c| c.ends()),
        }
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(&mut encoder);
        let (status, measures) = (&self.status, &self.measures);
        out.info("strongroom", "The product.", &[("version", status.version.as_str())])?;
        let room = status.disks.iter().map(|disk| disk.room).max().unwrap_or_default();
        let serving = i64::from(status.state == Serving::Serving && room != Room::Full);
        out.gauge("strongroom_serving", "Whether requests are answered.", serving)?;
        let warnings = status.warnings.len() as i64;
        out.gauge("strongroom_warnings", "What needs somebody's attention.", warnings)?;
        if let Some(backup) = &status.backup {
            let help = "When the newest scheduled backup was taken, POSIX time; 0 for none.";
            let last = backup.last.unwrap_or(0) / 1000;
            out.gauge("strongroom_backup_last_success_seconds", help, last)?;
            let help = "Whether the last scheduled backup failed.";
            out.gauge("strongroom_backup_failing", help, i64::from(backup.failed.is_some()))?;
        }
        if let Some(replica) = &status.replica {
            let of = replica.of.to_string();
            let help = "Age of the backup that this replica is of.";
            let row = [([("of", of.as_str())], replica.age_seconds)];
            out.gauges("strongroom_replica_backup_age_seconds", help, &row)?;
        }
        if let Some(objects) = status.objects {
            let help = "Managed objects that are not destroyed.";
            out.gauge("strongroom_objects", help, objects as i64)?;
        }
        let requests: Vec<_> = measures
            .requests
            .iter()
            .map(|(op, outcome, n)| ([("operation", op.name()), ("result", outcome.name())], *n))
            .collect();
        let help = "KMIP requests, one for each batch item.";
        out.counters("strongroom_requests", help, &requests)?;
        // Bounds in seconds; the store counts microseconds.
        out.histogram("strongroom_commit_seconds", "Time of a commit.", &measures.commit_us, 1e6)?;
        let help = "Requests that shared a commit.";
        out.histogram("strongroom_commit_batch", help, &measures.commit_jobs, 1.0)?;
        let heads: Vec<_> =
            status.chains.iter().map(|c| ([("chain", c.chain.as_str())], c.seq as i64)).collect();
        out.gauges("strongroom_audit_head", "Last record of a chain.", &heads)?;
        let forward = |value: fn(&crate::admin::types::ForwardState) -> i64| {
            let rows = status.forward.iter();
            rows.map(|f| ([("destination", f.name.as_str())], value(f))).collect::<Vec<_>>()
        };
        let help = "Records that a destination was not sent yet.";
        out.gauges("strongroom_forward_lag_records", help, &forward(|f| f.lag_records as i64))?;
        let help = "Age of the oldest of them.";
        out.gauges("strongroom_forward_lag_seconds", help, &forward(|f| f.lag_seconds as i64))?;
        let help = "Whether a destination has taken nothing for a while, with errors.";
        out.gauges("strongroom_forward_failing", help, &forward(|f| i64::from(f.failing)))?;
        let help = "Whether there is a connection to a destination.";
        out.gauges("strongroom_forward_connected", help, &forward(|f| i64::from(f.connected)))?;
        let disk = |value: fn(&Disk) -> i64| {
            let rows = status.disks.iter();
            rows.map(|d| ([("disk", d.name.as_str())], value(d))).collect::<Vec<_>>()
        };
        let help = "Room on a disk: 0 enough, 1 low, 2 none, and nothing is answered.";
        out.gauges("strongroom_disk_state", help, &disk(|d| d.room as i64))?;
        let help = "Bytes free on a disk, beside the reserve.";
        out.gauges("strongroom_disk_free_bytes", help, &disk(|d| bytes(d.free_bytes)))?;
        let help = "Bytes of a disk's reserve that are held.";
        out.gauges("strongroom_disk_reserve_bytes", help, &disk(|d| bytes(d.reserve_bytes)))?;
        let help = "Requests refused because a disk was full.";
        out.counter("strongroom_disk_full_refused", help, status.refused_on_full_disk)?;
        let waiting = bytes(status.approvals.waiting);
        out.gauge("strongroom_approvals_waiting", "Requests that wait for approval.", waiting)?;
        let age = |asked: i64| now().saturating_sub(asked.div_euclid(1000)).max(0);
        let help = "Age of the oldest of them; 0 if none waits.";
        let oldest = status.approvals.oldest.map_or(0, age);
        out.gauge("strongroom_approvals_oldest_seconds", help, oldest)?;
        let slots = status.slots.len() as i64;
        out.gauge("strongroom_root_slots", "Slots that open the root key.", slots)?;
        if let Some(ends) = self.server_ends {
            let help = "When the server's certificate ends, POSIX time.";
            out.gauge("strongroom_server_certificate_end_seconds", help, ends)?;
        }
        let lists: Vec<_> = self
            .lists
            .iter()
            .map(|list| ([("authority", list.authority.as_str())], list.next_update))
            .collect();
        if !lists.is_empty() {
            let help = "When a newer list of revoked certificates is due, POSIX time.";
            out.gauges("strongroom_crl_next_update_seconds", help, &lists)?;
        }
        let help = "Client certificates that end within 30 days.";
        out.gauge("strongroom_certificates_expiring", help, measures.certificates_soon as i64)?;
        let help = "Keys that a date moves on within 30 days.";
        out.gauge("strongroom_keys_due", help, measures.keys_soon as i64)?;
        let port = |value: fn(&PortStatus) -> u64| {
            let rows = self.ports.iter();
            rows.map(|(name, p)| ([("port", *name)], value(p))).collect::<Vec<_>>()
        };
        let open: Vec<_> =
            port(|p| p.connections).into_iter().map(|(l, n)| (l, n as i64)).collect();
        out.gauges("strongroom_connections", "Open connections.", &open)?;
        let help = "Handshakes that failed.";
        out.counters("strongroom_handshakes_failed", help, &port(|p| p.handshakes_failed))?;
        let help = "Connections that the cap refused.";
        out.counters("strongroom_connections_refused", help, &port(|p| p.refused))
    }
}

fn bytes(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One metric after the other.
struct Out<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Out<'_, '_> {
    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str); 1]) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(labels)
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        rows: &[(L, i64)],
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        rows.iter().try_for_each(|(labels, n)| metric.encode_family(labels)?.encode_gauge(n))
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        rows: &[(L, u64)],
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        rows.iter().try_for_each(|(labels, n)| {
            metric.encode_family(labels)?.encode_counter::<NoLabelSet, _, u64>(n, None)
        })
    }

    fn histogram(&mut self, name: &str, help: &str, counts: &Counts, scale: f64) -> fmt::Result {
        let bound = |bound: u64| if bound == u64::MAX { f64::MAX } else { bound as f64 / scale };
        let buckets: Vec<_> = counts.buckets.iter().map(|(b, n)| (bound(*b), *n)).collect();
        let count = counts.buckets.iter().map(|(_, n)| n).sum();
        let sum = counts.sum as f64 / scale;
        self.0
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}
