//! The lying server: HTTP/1.1 on 127.0.0.1 at a port of its own, that does what a test tells it, path by path, and
//! counts what it was asked. It stops when dropped, and by itself after [`MAXIMUM_LIFE`].

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::response::{Ending, Response};

/// After this long the server is gone, whatever the test does.
const MAXIMUM_LIFE: Duration = Duration::from_secs(120);
/// A request head or body beyond this is refused.
const MAXIMUM_HEAD: u64 = 64 << 10;
const MAXIMUM_BODY: u64 = 64 << 20;
/// A connection that asks nothing for this long is closed.
const IDLE: Duration = Duration::from_secs(15);

/// One request, as it came, and what was sent for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Path and query as on the request line.
    pub target: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The status that was answered; 0 where no head was sent.
    pub status: u16,
    /// Bytes of body that were sent.
    pub sent: u64,
}

impl Request {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

type Handler = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

enum Route {
    /// Answers in turn; the last one stays.
    Turns(VecDeque<Response>),
    /// Made for each request.
    Made(Handler),
}

/// What was chosen for a request, to be made when nothing is locked: a handler may look at the server itself.
enum Choice {
    Ready(Response),
    Made(Handler),
}

impl Route {
    fn choose(&mut self) -> Choice {
        match self {
            Self::Made(handler) => Choice::Made(Arc::clone(handler)),
            Self::Turns(turns) if turns.len() > 1 => Choice::Ready(turns.pop_front().unwrap_or_default()),
            Self::Turns(turns) => Choice::Ready(turns.front().cloned().unwrap_or_default()),
        }
    }
}

#[derive(Default)]
struct State {
    routes: BTreeMap<String, Route>,
    /// Answers for all paths below a prefix, where no route is.
    prefixes: Vec<(String, Handler)>,
    /// Answers everything while it is there.
    overriding: Option<Response>,
    requests: Vec<Request>,
    connections: Vec<TcpStream>,
    stopping: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stop: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or less when the server stops; whether it goes on.
    fn wait(&self, time: Duration) -> bool {
        let (state, _) = self
            .stop
            .wait_timeout_while(self.state(), time, |state| !state.stopping)
            .unwrap_or_else(PoisonError::into_inner);
        !state.stopping
    }

    fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
        self.stop.notify_all();
    }
}

/// The server; cheap to make, one for each test.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Listens; every path answers 404 until it is routed.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let acceptor = thread::spawn(move || accept(&listener, &accepting));
        let watched = Arc::clone(&shared);
        let watchdog = thread::spawn(move || {
            watched.wait(maximum_life());
            watched.stop();
            // The acceptor sits in accept(2); a connection wakes it.
            let _ = TcpStream::connect(address);
        });
        Self { address, shared, threads: vec![acceptor, watchdog] }
    }

    /// `http://127.0.0.1:PORT` and that path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        assert!(path.starts_with('/'), "'{path}' is no path");
        format!("http://{}{path}", self.address)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on `path` answers so.
    pub fn route(&self, path: &str, response: Response) -> &Self {
        self.turns(path, [response])
    }

    /// From now on `path` answers with each of these in turn, then with the last for ever.
    pub fn turns(&self, path: &str, responses: impl IntoIterator<Item = Response>) -> &Self {
        let turns: VecDeque<_> = responses.into_iter().collect();
        assert!(!turns.is_empty(), "'{path}' needs an answer");
        self.shared.state().routes.insert(path.to_owned(), Route::Turns(turns));
        self
    }

    /// From now on `path` answers what `handler` makes of the request.
    pub fn handle(
        &self,
        path: &str,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> &Self {
        self.shared.state().routes.insert(path.to_owned(), Route::Made(Arc::new(handler)));
        self
    }

    /// From now on every path below `prefix` that has no route of its own answers what `handler` makes of it.
    pub fn below(
        &self,
        prefix: &str,
        handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
    ) -> &Self {
        self.shared.state().prefixes.push((prefix.to_owned(), Arc::new(handler)));
        self
    }

    /// From now on everything answers so, until [`Server::heal`].
    pub fn everything(&self, response: Response) -> &Self {
        self.shared.state().overriding = Some(response);
        self
    }

    /// Ends [`Server::everything`].
    pub fn heal(&self) -> &Self {
        self.shared.state().overriding = None;
        self
    }

    /// All requests so far, in the order they came.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// How often that path was asked for, whatever the method and query.
    pub fn count(&self, path: &str) -> usize {
        self.shared.state().requests.iter().filter(|request| request.path() == path).count()
    }

    /// Bytes of body sent so far, over all requests.
    pub fn body_bytes(&self) -> u64 {
        self.shared.state().requests.iter().map(|request| request.sent).sum()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) -> &Self {
        self.shared.state().requests.clear();
        self
    }

    /// Ends it now: its port refuses connections from here on.
    pub fn stop(&mut self) {
        self.shared.stop();
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The kill test alone serves for longer than a test may hang.
fn maximum_life() -> Duration {
    if std::env::var_os("EVERFRESH_KILL_TEST").is_some() { 60 * MAXIMUM_LIFE } else { MAXIMUM_LIFE }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept() {
        let mut state = shared.state();
        if state.stopping {
            return;
        }
        // Those that are over would use up the descriptors of a long test.
        state.connections.retain(|connection| connection.peer_addr().is_ok());
        if let Ok(copy) = stream.try_clone() {
            state.connections.push(copy);
        }
        drop(state);
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let _ = converse(&stream, &shared);
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
    }
}

/// Answers one request after the other, as long as both sides keep the connection.
fn converse(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader, stream)? {
        let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let (at, choice) = {
            let mut state = shared.state();
            state.requests.push(request.clone());
            (state.requests.len() - 1, choose(&mut state, &request))
        };
        let response = match choice {
            Some(Choice::Ready(response)) => response,
            Some(Choice::Made(handler)) => handler(&request),
            None => Response::status(404),
        };
        let response = response.suited_to(&request);
        let mut count = |status: u16, sent: usize| {
            if let Some(entry) = shared.state().requests.get_mut(at) {
                entry.status = status;
                entry.sent += sent as u64;
            }
        };
        let keep = respond(stream, shared, &request, &response, &mut count)?;
        if !keep || close {
            break;
        }
    }
    Ok(())
}

fn choose(state: &mut State, request: &Request) -> Option<Choice> {
    if let Some(response) = &state.overriding {
        return Some(Choice::Ready(response.clone()));
    }
    if let Some(route) = state.routes.get_mut(request.path()) {
        return Some(route.choose());
    }
    let prefixes = state.prefixes.iter().filter(|(prefix, _)| request.path().starts_with(prefix));
    prefixes.max_by_key(|(prefix, _)| prefix.len()).map(|(_, handler)| Choice::Made(Arc::clone(handler)))
}

fn read_request(reader: &mut BufReader<&TcpStream>, mut stream: &TcpStream) -> io::Result<Option<Request>> {
    let mut head = String::new();
    let mut limited = reader.by_ref().take(MAXIMUM_HEAD);
    loop {
        let before = head.len();
        if limited.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        if head[before..].trim_end().is_empty() {
            break;
        }
    }
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()));
    let mut request =
        Request { method, target, headers: headers.collect(), body: vec![], status: 0, sent: 0 };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0u64);
    if length > MAXIMUM_BODY {
        return Ok(None);
    }
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    request.body = body;
    Ok(Some(request))
}

/// Sends the answer with all its troubles; whether the connection can serve another request.
fn respond(
    mut stream: &TcpStream,
    shared: &Shared,
    request: &Request,
    response: &Response,
    count: &mut impl FnMut(u16, usize),
) -> io::Result<bool> {
    if !response.delay.is_zero() && !shared.wait(response.delay) {
        return Ok(false);
    }
    match response.ending {
        Ending::Drop => return Ok(false),
        Ending::Silent => {
            shared.wait(MAXIMUM_LIFE);
            return Ok(false);
        }
        Ending::Whole | Ending::Endless | Ending::Cut(_) => {}
    }
    stream.write_all(response.head().as_bytes())?;
    count(response.status, 0);
    if request.method == "HEAD" {
        return Ok(true);
    }
    let body = match response.ending {
        Ending::Cut(after) => &response.body[..after.min(response.body.len())],
        _ => &response.body[..],
    };
    let (piece, pause) = response.dribble.unwrap_or((64 << 10, Duration::ZERO));
    for piece in body.chunks(piece.max(1)) {
        stream.write_all(piece)?;
        count(response.status, piece.len());
        if !pause.is_zero() && !shared.wait(pause) {
            return Ok(false);
        }
    }
    let filler = [b'.'; 16 << 10];
    let started = Instant::now();
    while matches!(response.ending, Ending::Endless) && started.elapsed() < MAXIMUM_LIFE {
        stream.write_all(&filler[..piece.min(filler.len())])?;
        count(response.status, piece.min(filler.len()));
        if !pause.is_zero() && !shared.wait(pause) {
            break;
        }
    }
    Ok(matches!(response.ending, Ending::Whole) && response.keeps_alive())
}
