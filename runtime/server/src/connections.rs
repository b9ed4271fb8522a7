//! Connections of the API: so many at a time in all, and of one address. When there are too many, the one that has asked nothing for
//! longest is closed for the new one; one whose request is being answered never is. It reads no request.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What somebody hears for whom there is no connection, where nothing is encrypted.
const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n\
    {\"type\":\"urn:weir:busy\",\"title\":\"Service Unavailable\",\"status\":503,\
    \"detail\":\"the server has no connection left: try again in 5 s\"}";

/// All connections that are open.
pub(crate) struct Connections {
    most: usize,
    most_of_address: usize,
    open: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
    /// Numbers what happens, in order.
    ticks: AtomicU64,
    /// Answers that are followed and held open for that.
    followed: AtomicUsize,
    refused: AtomicU64,
    closed: AtomicU64,
}

/// One of them.
struct Connection {
    peer: SocketAddr,
    /// When something came or went last.
    used: AtomicU64,
    /// Requests that are being answered.
    active_requests: AtomicUsize,
    is_closed: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionCounts {
    pub(crate) open: usize,
    pub(crate) most: usize,
    /// For which there was no room.
    pub(crate) refused: u64,
    /// That made room for others.
    pub(crate) closed: u64,
}

impl Connections {
    /// So many at a time; of one address three quarters of them.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            most_of_address: (most - most / 4).max(1),
            open: Mutex::default(),
            ticks: AtomicU64::default(),
            followed: AtomicUsize::default(),
            refused: AtomicU64::default(),
            closed: AtomicU64::default(),
        }
    }

    /// How many there are.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        let open = self.lock().len();
        let (refused, closed) = (self.refused.load(Ordering::Relaxed), self.closed.load(Ordering::Relaxed));
        ConnectionCounts { open, most: self.most, refused, closed }
    }

    /// The connection of this address is being answered until what is returned is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>, peer: SocketAddr) -> Option<ActiveRequest> {
        let connection = Arc::clone(self.lock().get(&peer)?);
        connection.active_requests.fetch_add(1, Ordering::Relaxed);
        Some(ActiveRequest { connections: Arc::clone(self), connection, is_followed: false })
    }

    /// A place for a connection; `None`: there is none, and all others are being answered.
    fn acquire(self: &Arc<Self>, peer: SocketAddr) -> Option<ConnectionPermit> {
        let mut open = self.lock();
        let is_of_client = |other: &SocketAddr| client_network(other.ip()) == client_network(peer.ip());
        let is_client_full = open.keys().filter(|other| is_of_client(other)).count() >= self.most_of_address;
        if is_client_full || open.len() >= self.most {
            let Some(least_recently_used) = least_recently_used(&open, |other| !is_client_full || is_of_client(other))
            else {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return None;
            };
            if let Some(connection) = open.remove(&least_recently_used) {
                self.closed.fetch_add(1, Ordering::Relaxed);
                connection.close();
            }
        }
        let connection = Arc::new(Connection {
            peer,
            used: AtomicU64::new(self.tick()),
            active_requests: AtomicUsize::default(),
            is_closed: AtomicBool::default(),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
        });
        open.insert(peer, Arc::clone(&connection));
        Some(ConnectionPermit { connections: Arc::clone(self), connection })
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one of these that has asked nothing for longest; none whose request is being answered.
fn least_recently_used(
    open: &HashMap<SocketAddr, Arc<Connection>>,
    of: impl Fn(&SocketAddr) -> bool,
) -> Option<SocketAddr> {
    let idle = open.values().filter(|other| of(&other.peer) && other.active_requests.load(Ordering::Relaxed) == 0);
    idle.min_by_key(|other| other.used.load(Ordering::Relaxed)).map(|other| other.peer)
}

/// Whose connections are counted together: of IPv6 a customer has a network.
fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) if address.to_ipv4_mapped().is_none() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        address => address,
    }
}

impl Connection {
    /// The reader and the writer find that it is closed.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }
}

/// A request that is being answered.
pub(crate) struct ActiveRequest {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    is_followed: bool,
}

impl ActiveRequest {
    /// Its answer lasts as long as somebody follows it. `None`: half of the connections are followed already, and further ones make room
    /// for others as if they were idle.
    pub(crate) fn followed(mut self) -> Option<Self> {
        let followed = &self.connections.followed;
        let most = self.connections.most / 2;
        let add = |open: usize| (open < most).then_some(open + 1);
        followed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        self.is_followed = true;
        Some(self)
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if self.is_followed {
            self.connections.followed.fetch_sub(1, Ordering::Relaxed);
        }
        self.connection.used.store(self.connections.tick(), Ordering::Relaxed);
        self.connection.active_requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place among the connections, as long as it is held.
struct ConnectionPermit {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        // Another one may have come from there since it was closed.
        if open.get(&self.connection.peer).is_some_and(|own| Arc::ptr_eq(own, &self.connection)) {
            open.remove(&self.connection.peer);
        }
    }
}

/// Gives accepted connections their places.
#[derive(Clone)]
pub(crate) struct LimitedAcceptor {
    pub(crate) connections: Arc<Connections>,
    /// Whether others hear in plain text that there is no place.
    pub(crate) is_plain: bool,
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = CountedStream;
    type Service = S;
    type Future = Ready<io::Result<(CountedStream, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let acquire = || {
            let Some(place) = self.connections.acquire(stream.peer_addr()?) else {
                if self.is_plain {
                    // Who does not hear it finds the connection closed.
                    let _ = stream.try_write(FULL.as_bytes());
                }
                return Err(io::Error::other("there is no room for another connection"));
            };
            Ok(place)
        };
        ready(acquire().map(|place| (CountedStream { stream, place }, service)))
    }
}

/// A connection in its place.
pub(crate) struct CountedStream {
    stream: TcpStream,
    place: ConnectionPermit,
}

impl CountedStream {
    /// An error if it was closed; else notes that something comes or goes.
    fn check(&self, waker: impl Fn(&Connection) -> &AtomicWaker, cx: &Context<'_>) -> io::Result<()> {
        let connection = &self.place.connection;
        waker(connection).register(cx.waker());
        match connection.is_closed.load(Ordering::Acquire) {
            true => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it made room for another connection")),
            false => Ok(()),
        }
    }

    fn used(&self) {
        self.place.connection.used.store(self.place.connections.tick(), Ordering::Relaxed);
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(|connection| &connection.reader, cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(|connection| &connection.writer, cx)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.used();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(|connection| &connection.writer, cx)?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        if written.is_ready() {
            self.used();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str, port: u16) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), port)
    }

    #[test]
    fn the_idlest_connection_makes_room_and_one_that_is_answered_never() {
        let connections = Arc::new(Connections::new(4));
        let acquire = |address: &str, port| connections.acquire(peer(address, port));
        let mut places: Vec<_> = (1..=3).map(|port| acquire("10.0.0.1", port).unwrap()).collect();
        let active_requests = connections.begin_request(peer("10.0.0.1", 1)).unwrap();
        // Three quarters of them are of one address.
        places.push(acquire("10.0.0.1", 4).unwrap());
        let closed: Vec<_> = places.iter().map(|p| p.connection.is_closed.load(Ordering::Relaxed)).collect();
        assert_eq!(closed, [false, true, false, false]);
        let (_other, _third) = (acquire("10.0.0.2", 1).unwrap(), acquire("10.0.0.3", 1).unwrap());
        let asked = [1, 4].map(|port| connections.begin_request(peer("10.0.0.1", port)));
        assert!(asked.iter().all(Option::is_some) && connections.begin_request(peer("10.0.0.1", 3)).is_none());
        let others = [2, 3].map(|host| connections.begin_request(peer(&format!("10.0.0.{host}"), 1)));
        assert!(acquire("10.0.0.4", 1).is_none(), "all are being answered");
        drop((active_requests, asked, others));
        assert!(acquire("10.0.0.4", 1).is_some());
        let ConnectionCounts { open, refused, closed, .. } = connections.counts();
        assert_eq!((open, refused, closed), (3, 1, 3));
        places.clear();
        assert_eq!(connections.counts().open, 2);
    }

    #[test]
    fn followed_answers_keep_half_of_the_connections_at_most() {
        let connections = Arc::new(Connections::new(4));
        let places = [1, 2, 3].map(|host| connections.acquire(peer(&format!("10.0.0.{host}"), 1)).unwrap());
        let follow = |host| connections.begin_request(peer(&format!("10.0.0.{host}"), 1)).unwrap().followed();
        let (first, second) = (follow(1), follow(2));
        assert!(first.is_some() && second.is_some() && follow(3).is_none());
        let others = [4, 5].map(|host| connections.acquire(peer(&format!("10.0.0.{host}"), 1)));
        assert!(others.iter().all(Option::is_some));
        let closed = places.each_ref().map(|place| place.connection.is_closed.load(Ordering::Relaxed));
        assert_eq!(closed, [false, false, true]);
        drop(first);
        assert!(connections.begin_request(peer("10.0.0.1", 1)).unwrap().followed().is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_holder() {
        let of = |text: &str| client_network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("::ffff:10.0.0.1"), of("::ffff:10.0.0.2"));
    }
}
