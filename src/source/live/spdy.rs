//! One port of a pod over SPDY/3.1, as kubectl always did it.
//!
//! Over a WebSocket the node's end sends pieces of four kilobytes, and so it takes the longer: nine megabytes 0.041 s instead of
//! 0.034 s (benches/README.md). Of the protocol this is what a port-forward needs: a stream for what the pod's side complains of, one for the
//! bytes, and answers to pings. Nobody there keeps the windows of its flow control.

use super::call::Caller;
use futures::channel::oneshot;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const PROTOCOL: &str = "portforward.k8s.io";
const COMPLAINTS: u32 = 1;
const BYTES: u32 = 3;

const SYN_STREAM: u16 = 1;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const FIN: u8 = 1;
const HEAD: usize = 8;

/// What is taken from the connection at once.
const TAKEN: usize = 64 << 10;
/// One frame of ours, and what may wait to be sent.
const FRAME: usize = 64 << 10;
/// Nobody complains longer.
const LONGEST: usize = 16 << 10;

/// What came of asking for it.
pub enum Asked {
    /// And what the pod's side says when it can't connect.
    Open(Box<Stream<TokioIo<Upgraded>>>, oneshot::Receiver<String>),
    /// There is no such pod.
    Absent(String),
    /// Somebody on the way doesn't speak it, as far as can be told.
    Unspoken,
    /// That says nothing about the protocol.
    Failed,
}

pub async fn open(caller: &Caller, path: &str, port: u16) -> Asked {
    let request = http::Request::post(path)
        .header(http::header::CONNECTION, "Upgrade")
        .header(http::header::UPGRADE, "SPDY/3.1")
        .header("X-Stream-Protocol-Version", PROTOCOL)
        .body(Body::empty());
    let Ok(request) = request else { return Asked::Failed };
    let Ok(response) = caller.client.send(request).await else { return Asked::Failed };
    if response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        let Ok(upgraded) = hyper::upgrade::on(response).await else { return Asked::Failed };
        let (tell, complaint) = oneshot::channel();
        return Asked::Open(Box::new(Stream::new(TokioIo::new(upgraded), port, tell)), complaint);
    }
    let said = response.into_body().collect_bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok());
    match said {
        Some(kube::core::Status { code: 404, message, .. }) => Asked::Absent(message),
        // An API server's own words.
        Some(kube::core::Status { code: 1.., .. }) => Asked::Failed,
        _ => Asked::Unspoken,
    }
}

/// What the bytes that come next are.
#[derive(Clone, Copy, Debug)]
enum Part {
    Head,
    Bytes(usize),
    Complaint(usize),
    Ping,
    Other(usize),
}

pub struct Stream<S> {
    inner: S,
    /// What came and was not taken yet stands between these two places.
    inbox: Vec<u8>,
    taken: usize,
    come: usize,
    part: Part,
    /// The frame that is read is the last of its stream.
    last: bool,
    ended: bool,
    outbox: Vec<u8>,
    sent: usize,
    finished: bool,
    complaint: Vec<u8>,
    tell: Option<oneshot::Sender<String>>,
}

impl<S> Stream<S> {
    fn new(inner: S, port: u16, tell: oneshot::Sender<String>) -> Self {
        let port = port.to_string();
        let mut outbox = Vec::with_capacity(1024);
        stream(&mut outbox, COMPLAINTS, &[("streamtype", "error"), ("port", &port), ("requestid", "0")]);
        data(&mut outbox, COMPLAINTS, FIN, &[]);
        stream(&mut outbox, BYTES, &[("streamtype", "data"), ("port", &port), ("requestid", "0")]);
        Stream {
            inner,
            inbox: vec![0; TAKEN],
            taken: 0,
            come: 0,
            part: Part::Head,
            last: false,
            ended: false,
            outbox,
            sent: 0,
            finished: false,
            complaint: Vec::new(),
            tell: Some(tell),
        }
    }

    fn has(&self) -> &[u8] {
        &self.inbox[self.taken..self.come]
    }

    fn told(&mut self) {
        if let Some(tell) = self.tell.take_if(|_| !self.complaint.is_empty()) {
            let _ = tell.send(String::from_utf8_lossy(&self.complaint).into_owned());
        }
    }

    /// The frame's data has been read.
    fn frame_ends(&mut self) {
        if std::mem::take(&mut self.last) {
            match self.part {
                Part::Bytes(_) => self.ended = true,
                Part::Complaint(_) => self.told(),
                _ => {}
            }
        }
        self.part = Part::Head;
    }

    fn head(&mut self, head: [u8; HEAD]) -> io::Result<()> {
        let [a, b, c, d, flags, e, f, g] = head;
        let length = u32::from_be_bytes([0, e, f, g]) as usize;
        self.last = false;
        if a & 0x80 == 0 {
            self.last = flags & FIN != 0;
            self.part = match u32::from_be_bytes([a, b, c, d]) {
                BYTES => Part::Bytes(length),
                COMPLAINTS => Part::Complaint(length),
                _ => Part::Other(length),
            };
            return Ok(());
        }
        let (version, kind) = (u16::from_be_bytes([a & 0x7f, b]), u16::from_be_bytes([c, d]));
        if version != 3 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what comes over the port-forward is not SPDY"));
        }
        self.part = if kind == PING && length == 4 { Part::Ping } else { Part::Other(length) };
        // Whichever of the two it is, without it there is no port-forward.
        self.ended |= kind == RST_STREAM;
        Ok(())
    }

    /// Goes on with what is there; whether it has to wait for more.
    fn go_on(&mut self, to: &mut ReadBuf<'_>) -> io::Result<bool> {
        loop {
            let there = self.come - self.taken;
            match self.part {
                _ if self.ended => return Ok(false),
                Part::Head => {
                    let Some(head) = self.has().first_chunk() else { return Ok(true) };
                    self.head(*head)?;
                    self.taken += HEAD;
                }
                Part::Bytes(0) | Part::Complaint(0) | Part::Other(0) => self.frame_ends(),
                Part::Bytes(left) => {
                    let now = left.min(there).min(to.remaining());
                    if now == 0 {
                        return Ok(there == 0);
                    }
                    to.put_slice(&self.inbox[self.taken..self.taken + now]);
                    self.taken += now;
                    self.part = Part::Bytes(left - now);
                }
                Part::Ping => {
                    let Some(id) = self.has().first_chunk::<4>().copied() else { return Ok(true) };
                    self.taken += id.len();
                    control(&mut self.outbox, PING, 0, &id);
                    self.part = Part::Head;
                }
                Part::Complaint(_) | Part::Other(_) if there == 0 => return Ok(true),
                Part::Complaint(left) => {
                    let now = left.min(there);
                    let room = LONGEST.saturating_sub(self.complaint.len()).min(now);
                    self.complaint.extend_from_slice(&self.inbox[self.taken..self.taken + room]);
                    self.taken += now;
                    self.part = Part::Complaint(left - now);
                }
                Part::Other(left) => {
                    let now = left.min(there);
                    self.taken += now;
                    self.part = Part::Other(left - now);
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// More from the connection; nothing if that has ended.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // At most the beginning of a frame.
        self.inbox.copy_within(self.taken..self.come, 0);
        self.come -= self.taken;
        self.taken = 0;
        let mut room = ReadBuf::new(&mut self.inbox[self.come..]);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut room))?;
        let got = room.filled().len();
        self.come += got;
        self.ended |= got == 0;
        Poll::Ready(Ok(()))
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.outbox.len() {
            let now = ready!(Pin::new(&mut self.inner).poll_write(context, &self.outbox[self.sent..]))?;
            if now == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += now;
        }
        self.outbox.clear();
        self.sent = 0;
        Pin::new(&mut self.inner).poll_flush(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = to.filled().len();
        loop {
            let waits = this.go_on(to)?;
            if !this.outbox.is_empty()
                && let Poll::Ready(Err(error)) = this.poll_sent(context)
            {
                return Poll::Ready(Err(error));
            }
            if this.ended {
                this.told();
            }
            if this.ended || to.filled().len() > before || !waits {
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_more(context))?;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.outbox.len() >= FRAME {
            ready!(this.poll_sent(context))?;
        }
        let now = bytes.len().min(FRAME);
        data(&mut this.outbox, BYTES, 0, &bytes[..now]);
        match this.poll_sent(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(now)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_sent(context)
    }

    /// Nothing more is said; what comes is still read.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.finished, true) {
            data(&mut this.outbox, BYTES, FIN, &[]);
        }
        this.poll_sent(context)
    }
}

fn frame(to: &mut Vec<u8>, first: [u8; 4], flags: u8, length: usize) {
    to.extend_from_slice(&first);
    // Three bytes are its length; nothing here is longer.
    to.extend_from_slice(&(u32::try_from(length).unwrap_or_default() | u32::from(flags) << 24).to_be_bytes());
}

fn data(to: &mut Vec<u8>, stream: u32, flags: u8, bytes: &[u8]) {
    frame(to, stream.to_be_bytes(), flags, bytes.len());
    to.extend_from_slice(bytes);
}

fn control(to: &mut Vec<u8>, kind: u16, flags: u8, body: &[u8]) {
    let [high, low] = kind.to_be_bytes();
    frame(to, [0x80, 3, high, low], flags, body.len());
    to.extend_from_slice(body);
}

/// A stream of ours begins. Names and values stand in one zlib stream for the whole connection, which has to know the
/// protocol's dictionary by its checksum; what is stored in it as it is makes no use of that.
fn stream(to: &mut Vec<u8>, id: u32, headers: &[(&str, &str)]) {
    let number = |n: usize| u32::try_from(n).unwrap_or_default().to_be_bytes();
    let mut block = number(headers.len()).to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        block.extend_from_slice(&number(text.len()));
        block.extend_from_slice(text.as_bytes());
    }
    let mut body = id.to_be_bytes().to_vec();
    // Of no other stream, and none is more important.
    body.extend_from_slice(&[0; 6]);
    if id == COMPLAINTS {
        body.extend_from_slice(&[0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);
    }
    let length = u16::try_from(block.len()).unwrap_or_default();
    body.push(0);
    body.extend_from_slice(&length.to_le_bytes());
    body.extend_from_slice(&(!length).to_le_bytes());
    body.extend_from_slice(&block);
    // An empty block, at which a reader hands on what it has.
    body.extend_from_slice(&[0, 0, 0, 0xff, 0xff]);
    control(to, SYN_STREAM, 0, &body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What a pod's side sends, in pieces of so many bytes, and what is read of it.
    fn read(sent: &[u8], piece: usize) -> (io::Result<Vec<u8>>, Option<String>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (near, mut far) = tokio::io::duplex(1 << 20);
            let (tell, complaint) = oneshot::channel();
            let mut stream = Stream::new(near, 15014, tell);
            let all = async {
                for piece in sent.chunks(piece) {
                    far.write_all(piece).await.expect("a write");
                    tokio::task::yield_now().await;
                }
                far.shutdown().await.expect("an end");
                far
            };
            let mut come = Vec::new();
            let (mut far, read) = tokio::join!(all, stream.read_to_end(&mut come));
            stream.shutdown().await.expect("an end");
            drop(stream);
            let mut ours = Vec::new();
            far.read_to_end(&mut ours).await.expect("a read");
            (read.map(|_| come), complaint.await.ok(), ours)
        })
    }

    fn frames(parts: &[(u32, u8, Vec<u8>)]) -> Vec<u8> {
        let mut sent = Vec::new();
        for (id, flags, bytes) in parts {
            match id {
                0 => control(&mut sent, PING, 0, &[0, 0, 0, 8]),
                2 => control(&mut sent, 4, 0, bytes),
                id => data(&mut sent, *id, *flags, bytes),
            }
        }
        sent
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bytes_come_as_they_were_sent_however_they_are_cut(
            parts in prop::collection::vec((prop_oneof![Just(0), Just(1), Just(2), Just(3), Just(5)], Just(0), prop::collection::vec(any::<u8>(), 0..300)), 0..12),
            piece in 1_usize..700,
        ) {
            let bytes = |id: u32| -> Vec<u8> { parts.iter().filter(|part| part.0 == id).flat_map(|part| part.2.clone()).collect() };
            let (read, complaint, ours) = read(&frames(&parts), piece);
            prop_assert_eq!(read.expect("bytes"), bytes(BYTES));
            let said = String::from_utf8_lossy(&bytes(COMPLAINTS)).into_owned();
            prop_assert_eq!(complaint, Some(said).filter(|said| !said.is_empty()));
            let pings = parts.iter().filter(|part| part.0 == 0).count();
            let answer = frames(&[(0, 0, Vec::new())]);
            prop_assert_eq!(ours.windows(answer.len()).filter(|window| *window == answer).count(), pings);
        }
    }

    #[test]
    fn what_went_wrong_is_known_before_the_end() {
        let sent = frames(&[
            (1, 0, b"connect: ".to_vec()),
            (1, 0, b"refused".to_vec()),
            (1, 1, Vec::new()),
            (3, 1, b"x".to_vec()),
            (3, 0, b"y".to_vec()),
        ]);
        let (read, complaint, _) = read(&sent, 7);
        assert_eq!((read.expect("bytes"), complaint.as_deref()), (b"x".to_vec(), Some("connect: refused")));
    }

    #[test]
    fn what_is_no_spdy_is_an_error_and_a_stream_that_is_refused_has_ended() {
        assert!(read(b"\x80\x63HTTP/1.1 400 Bad Request\r\n", 100).0.is_err());
        let mut sent = Vec::new();
        control(&mut sent, RST_STREAM, 0, &[0, 0, 0, 3, 0, 0, 0, 3]);
        data(&mut sent, BYTES, 0, b"late");
        assert_eq!(read(&sent, 100).0.expect("an end"), b"");
    }

    #[test]
    fn two_streams_begin_and_the_first_says_nothing() {
        let (_, _, ours) = read(&[], 1);
        let mut rest = ours.as_slice();
        let mut next = || {
            let (head, body) = rest.split_first_chunk::<HEAD>().expect("a frame");
            let length = u32::from_be_bytes([0, head[5], head[6], head[7]]) as usize;
            let (body, after) = body.split_at(length);
            rest = after;
            (*head, body.to_vec())
        };
        let (first, complaints) = next();
        assert_eq!((&first[..5], &complaints[..10]), (&[0x80, 3, 0, 1, 0][..], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(next(), ([0, 0, 0, 1, 1, 0, 0, 0], Vec::new()));
        let (second, bytes) = next();
        assert_eq!((&second[..5], &bytes[..10]), (&[0x80, 3, 0, 1, 0][..], &[0, 0, 0, 3, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(next(), ([0, 0, 0, 3, 1, 0, 0, 0], Vec::new()));
        assert!(rest.is_empty());
        // One zlib stream; what comes before its blocks names the dictionary.
        assert_eq!(complaints[10..16], [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);
        let mut inflate = flate2::Decompress::new(false);
        for (block, kind) in [(&complaints[16..], "error"), (&bytes[10..], "data")] {
            let mut text = vec![0; 1000];
            let before = inflate.total_out();
            inflate.decompress(block, &mut text, flate2::FlushDecompress::Sync).expect("blocks");
            text.truncate(usize::try_from(inflate.total_out() - before).expect("a length"));
            let pairs = [("streamtype", kind), ("port", "15014"), ("requestid", "0")];
            let mut expected = vec![0, 0, 0, 3];
            for word in pairs.iter().flat_map(|(name, value)| [name, value]) {
                expected.extend_from_slice(&u32::try_from(word.len()).expect("short").to_be_bytes());
                expected.extend_from_slice(word.as_bytes());
            }
            assert_eq!(text, expected);
        }
    }
}
