//! A running server: both ports over one key manager, from the first accept to the last flush.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::Admin;
use crate::admission::{Gate, Tally};
use crate::certificates::Certificates;
use crate::config::Config;
use crate::errors::{self, Fault};
use crate::kmip_listener::Port;
use crate::monitor;
use crate::service::Manager;

/// Threads that serve connections where the audit of a use is flushed before its answer leaves: a
/// thread sleeps while the disk works, and only those that sleep together share a flush. With one
/// for each core, two cores would mean two uses to a flush.
const FLUSHING_THREADS: usize = 64;

/// Seconds between two looks at what ends soon.
const TICKS_AHEAD: u64 = 60;

/// A running server. Drop it only after [`Running::stop`].
pub struct Running {
    /// Where KMIP is served, with the port that the system chose if 0 was asked for.
    pub kmip: std::net::SocketAddr,
    /// Where administration is served.
    pub admin: std::net::SocketAddr,
    runtime: Runtime,
    signals: Signals,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    ticker: Option<std::thread::JoinHandle<()>>,
    certificates: Arc<Certificates>,
    manager: Arc<dyn Manager>,
}

/// What SIGHUP means to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangUp {
    /// Its terminal was closed, and nobody is there any more: stop.
    Stop,
    /// A daemon has no terminal: read certificate, key and client CA again.
    Reload,
}

/// The signals, caught from the first moment on: one that comes early is answered later.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Whether whoever started this process had it ignore SIGHUP, as `nohup` does: then it is to
    /// outlive its terminal.
    outlives_terminal: bool,
}

impl Signals {
    fn catch(runtime: &Runtime) -> Result<Self, Fault> {
        let _inside = runtime.enter();
        let outlives_terminal = outlives_terminal();
        let catch =
            |kind| signal(kind).map_err(|e| Fault::new(errors::INTERNAL, format!("signals: {e}.")));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hang_up: catch(SignalKind::hangup())?,
            outlives_terminal,
        })
    }
}

/// Whether SIGHUP was ignored when this was first asked: before it is caught, which ends the
/// ignoring (`proc_pid_status(5)`: bit N-1 stands for signal N).
pub(crate) fn outlives_terminal() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
        mask.is_some_and(|mask| mask & 1 == 1)
    })
}

impl Running {
    /// Listens on both ports. Signals are caught before that, and `caught` is told when they are.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`] or [`errors::CANNOT_LISTEN`].
    pub fn start(
        config: &Config,
        manager: Arc<dyn Manager>,
        caught: impl FnOnce(),
    ) -> Result<Self, Fault> {
        let certificates =
            Arc::new(Certificates::load(&config.tls, [config.kmip.listen, config.admin.listen])?);
        manager.judge_by(certificates.revoked());
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().thread_name("strongroom-io");
        if config.audit.uses_flushed {
            builder.worker_threads(FLUSHING_THREADS);
        }
        let runtime = builder.build().map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
        let signals = Signals::catch(&runtime)?;
        caught();
        let (stop, stopping) = watch::channel(false);
        let kmip_socket = bind(&runtime, config.kmip.listen)?;
        let admin_socket = bind(&runtime, config.admin.listen)?;
        let local = |socket: &TcpListener| {
            socket.local_addr().map_err(|e| Fault::new(errors::CANNOT_LISTEN, format!("{e}.")))
        };
        let (kmip, admin_address) = (local(&kmip_socket)?, local(&admin_socket)?);
        let port = Port::new(manager.clone(), certificates.kmip.clone(), &config.kmip);
        let admin = Arc::new(Admin {
            manager: manager.clone(),
            kmip: Some((kmip.to_string(), port.clone())),
            listen: admin_address.to_string(),
            gate: Gate::new(config.admin.max_connections),
            strangers: Tally::new(Duration::from_secs(10)),
            refused: Tally::new(Duration::from_secs(10)),
            certificates: Some(certificates.clone()),
            creating: Arc::default(),
        });
        let mut tasks = vec![runtime.spawn(port.serve(kmip_socket, stopping.clone()))];
        let mut ports = format!("KMIP on {kmip}, administration on {admin_address}");
        if let Some(address) = config.monitor {
            let socket = bind(&runtime, address)?;
            ports = format!("{ports}, monitoring on {}", local(&socket)?);
            tasks.push(runtime.spawn(monitor::serve(admin.clone(), socket, stopping.clone())));
        }
        tasks.push(runtime.spawn(admin.serve(
            admin_socket,
            certificates.admin.clone(),
            stopping.clone(),
        )));
        manager.event("listening", &ports);
        let ticker = tick(manager.clone(), certificates.clone(), stopping)?;
        Ok(Self {
            kmip,
            admin: admin_address,
            runtime,
            signals,
            stop,
            tasks,
            ticker: Some(ticker),
            certificates,
            manager,
        })
    }

    /// Blocks until the process is asked to end: by SIGINT, SIGTERM, or by SIGHUP if that means so.
    /// Otherwise SIGHUP reads certificate, key and client CA again, for new connections.
    pub fn wait_for_signal(&mut self, meaning: HangUp) -> &'static str {
        loop {
            let Signals { interrupt, terminate, hang_up, outlives_terminal } = &mut self.signals;
            let stops = meaning == HangUp::Stop && !*outlives_terminal;
            let asked = self.runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => Some("SIGINT"),
                    _ = terminate.recv() => Some("SIGTERM"),
                    _ = hang_up.recv() => stops.then_some("SIGHUP"),
                }
            });
            match asked {
                Some(signal) => return signal,
                None => self.reload(),
            }
        }
    }

    fn reload(&self) {
        match self.certificates.reload() {
            Ok(()) => self.manager.event("certificates-reloaded", ""),
            // The old ones go on: a typing error must not cut everybody off.
            Err(fault) => {
                tracing::error!("certificates were not reloaded: {fault}");
                self.manager.event("certificates-not-reloaded", &fault.to_string());
            }
        }
        self.certificates.look_at_lists(self.manager.as_ref(), true);
    }

    /// Stops accepting, lets requests under way finish, then stops the key manager.
    pub fn stop(self, why: &str) {
        self.manager.event("stopping", why);
        let _ = self.stop.send(true);
        let Self { runtime, tasks, ticker, manager, .. } = self;
        runtime.block_on(async {
            for task in tasks {
                let _ = task.await;
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(5));
        if let Some(ticker) = ticker {
            let _ = ticker.join();
        }
        manager.stop();
    }
}

/// The thread for what has to be done every second. Its work may wait for the disk.
fn tick(
    manager: Arc<dyn Manager>,
    certificates: Arc<Certificates>,
    stopping: watch::Receiver<bool>,
) -> Result<std::thread::JoinHandle<()>, Fault> {
    let work = move || {
        let mut ticks = 0_u64;
        while !*stopping.borrow() {
            manager.tick();
            if ticks.is_multiple_of(TICKS_AHEAD) {
                manager.tell_ahead(certificates.endings(manager.as_ref()));
                manager.retain_by_itself();
            }
            ticks += 1;
            certificates.look_at_lists(manager.as_ref(), false);
            for _ in 0..10 {
                if *stopping.borrow() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    };
    std::thread::Builder::new()
        .name("strongroom-tick".into())
        .spawn(work)
        .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))
}

/// Whether an address can be listened on at this moment.
///
/// # Errors
/// [`errors::CANNOT_LISTEN`].
pub fn probe(address: std::net::SocketAddr) -> Result<(), Fault> {
    std::net::TcpListener::bind(address).map(drop).map_err(|e| cannot_listen(address, &e))
}

/// How to reach an address from this machine that is listened on.
pub fn reachable(listen: std::net::SocketAddr) -> std::net::SocketAddr {
    let mut address = listen;
    if listen.ip().is_unspecified() {
        address.set_ip(match listen {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn cannot_listen(address: std::net::SocketAddr, e: &std::io::Error) -> Fault {
    Fault::new(errors::CANNOT_LISTEN, format!("{address}: {e}."))
}

fn bind(runtime: &Runtime, address: std::net::SocketAddr) -> Result<TcpListener, Fault> {
    let _inside = runtime.enter();
    let listen = || {
        let socket = match address {
            std::net::SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
            std::net::SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
        };
        // A restart must not wait for old connections' time to run out.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(1024)
    };
    listen().map_err(|e: std::io::Error| cannot_listen(address, &e))
}
