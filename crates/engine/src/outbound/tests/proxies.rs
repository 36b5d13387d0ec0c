//! The egress proxy: asked for addresses that were decided about, never for names, and never for refused ones.

use std::net::Ipv4Addr;

use stentor_core::address::Refusal;
use stentor_core::webhook::SecretText;
use tokio::io::copy_bidirectional;

use super::tls::{Authority, OK, tls_receiver};
use super::*;
use crate::outbound::{EgressProxy, ProxyCredentials, ProxyProtocol};

const USER: &str = "gateway";
const PASSWORD: &str = "proxy:password";

/// How a proxy answers a request to connect.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    /// It connects.
    Connects,
    /// It connects elsewhere.
    LeadsTo(SocketAddr),
    /// It answers with this: a reply of SOCKS5, or a status.
    Answers(u16),
    /// It answers nonsense.
    Garbles,
    /// It says nothing.
    Hangs,
}

impl Manner {
    /// Where it connects to when it is asked for `wanted`.
    fn leads(self, wanted: SocketAddr) -> SocketAddr {
        if let Self::LeadsTo(elsewhere) = self { elsewhere } else { wanted }
    }
}

/// A proxy that notes what it is asked for, and with which credentials.
pub(super) struct Proxy {
    receiver: Receiver,
    protocol: ProxyProtocol,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(super) async fn start(protocol: ProxyProtocol, manner: Manner) -> Self {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&asked);
        let receiver = Receiver::start(move |stream, _| {
            let notes = Arc::clone(&notes);
            async move {
                // A client that goes away ends it.
                let _ = match protocol {
                    ProxyProtocol::Socks5 => socks5(stream, manner, &notes).await,
                    ProxyProtocol::HttpConnect => http_connect(stream, manner, &notes).await,
                };
            }
        })
        .await;
        Self { receiver, protocol, asked }
    }

    pub(super) fn egress(&self, credentials: Option<ProxyCredentials>) -> EgressProxy {
        let (host, port) = (self.receiver.address.ip().to_string(), self.receiver.address.port());
        EgressProxy { protocol: self.protocol, host, port, credentials }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn socks5(mut stream: TcpStream, manner: Manner, notes: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let [version, count] = take(&mut stream).await?;
    assert_eq!(version, 5);
    let mut methods = vec![0; usize::from(count)];
    stream.read_exact(&mut methods).await?;
    if methods.contains(&2) {
        stream.write_all(&[5, 2]).await?;
        let [_, length] = take(&mut stream).await?;
        let user = text(&mut stream, length).await?;
        let [length] = take(&mut stream).await?;
        let password = text(&mut stream, length).await?;
        let wrong = u8::from((user.as_str(), password.as_str()) != (USER, PASSWORD));
        stream.write_all(&[1, wrong]).await?;
    } else {
        stream.write_all(&[5, 0]).await?;
    }
    let [_, command, _, kind] = take(&mut stream).await?;
    assert_eq!(command, 1);
    let ip: IpAddr = match kind {
        1 => take::<4>(&mut stream).await?.into(),
        4 => take::<16>(&mut stream).await?.into(),
        _ => panic!("asked for a name"),
    };
    let receiver = SocketAddr::new(ip, u16::from_be_bytes(take(&mut stream).await?));
    notes.lock().unwrap().push(receiver.to_string());
    match manner {
        Manner::Connects | Manner::LeadsTo(_) => {
            let mut inner = TcpStream::connect(manner.leads(receiver)).await?;
            // The address it leaves from, as a name.
            stream.write_all(b"\x05\x00\x00\x03\x04here\x00\x50").await?;
            copy_bidirectional(&mut stream, &mut inner).await?;
        }
        Manner::Answers(reply) => {
            stream.write_all(&[5, u8::try_from(reply).unwrap(), 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        }
        Manner::Garbles => stream.write_all(b"SSH-2.0-OpenSSH").await?,
        Manner::Hangs => drain(&mut stream).await,
    }
    Ok(())
}

async fn take<const LENGTH: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn text(stream: &mut TcpStream, length: u8) -> std::io::Result<String> {
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8(bytes).unwrap())
}

async fn http_connect(
    mut stream: TcpStream,
    manner: Manner,
    notes: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let request = read_request(&mut stream).await;
    let mut lines = request.lines();
    let target = lines.next().unwrap().strip_prefix("CONNECT ").unwrap().strip_suffix(" HTTP/1.1").unwrap();
    assert!(request.contains(&format!("\r\nHost: {target}\r\n")), "{request}");
    notes.lock().unwrap().push(target.to_owned());
    let credentials = lines.find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
    // Z2F0ZXdheTpwcm94eTpwYXNzd29yZA== is gateway:proxy:password.
    if credentials.is_some_and(|given| given != "Z2F0ZXdheTpwcm94eTpwYXNzd29yZA==") {
        return stream.write_all(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n").await;
    }
    match manner {
        Manner::Connects | Manner::LeadsTo(_) => {
            let mut inner = TcpStream::connect(manner.leads(target.parse().unwrap())).await?;
            stream.write_all(b"HTTP/1.1 200 Fine\r\nVia: test\r\n\r\n").await?;
            copy_bidirectional(&mut stream, &mut inner).await?;
        }
        Manner::Answers(status) => {
            stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").as_bytes()).await?;
        }
        Manner::Garbles => stream.write_all(&[b'x'; 20_000]).await?,
        Manner::Hangs => drain(&mut stream).await,
    }
    Ok(())
}

const BOTH: [ProxyProtocol; 2] = [ProxyProtocol::Socks5, ProxyProtocol::HttpConnect];

fn through(proxy: EgressProxy, policy: AddressPolicy, resolver: Arc<dyn Resolver>) -> OutboundClient {
    OutboundClient::new(OutboundOptions { proxy: Some(proxy), ..options(policy) }, resolver).unwrap()
}

fn credentials(password: &str) -> Option<ProxyCredentials> {
    Some(ProxyCredentials { user: USER.to_owned(), password: SecretText::new(password.to_owned()) })
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_very_address_that_was_decided_about() {
    for protocol in BOTH {
        let proxy = Proxy::start(protocol, Manner::Connects).await;
        let receiver = Receiver::answering(OK).await;
        let addresses = ScriptedResolver::addresses(&["10.0.0.1", "127.0.0.1"]);
        let client = through(proxy.egress(None), AddressPolicy::dev(), ScriptedResolver::new([addresses]));
        let url = format!("http://receiver.example.com:{}/hook", receiver.address.port());
        assert_eq!(outcome(&client, &url).await, delivered(200), "{protocol:?}");
        assert_eq!(proxy.asked(), [receiver.address.to_string()], "{protocol:?}");
    }
}

#[tokio::test]
async fn a_refused_address_is_never_asked_of_the_proxy() {
    for protocol in BOTH {
        let proxy = Proxy::start(protocol, Manner::Connects).await;
        let policy = AddressPolicy::closed().with_http(true);
        let answers = ScriptedResolver::new([ScriptedResolver::addresses(&["192.168.1.1", "fd00::1"])]);
        let client = through(proxy.egress(None), policy, answers);
        let blocked = |refusal| AttemptOutcome::Blocked { refusal };
        assert_eq!(outcome(&client, "http://inside.example.com/").await, blocked(Refusal::Private));
        assert_eq!(outcome(&client, "http://169.254.169.254/").await, blocked(Refusal::Metadata));
        // Being the proxy does not make it a receiver.
        let own = format!("http://{}/", proxy.receiver.address);
        assert_eq!(outcome(&client, &own).await, blocked(Refusal::Loopback));
        assert_eq!((proxy.asked().len(), proxy.receiver.connections()), (0, 0), "{protocol:?}");
    }
}

#[tokio::test]
async fn tls_goes_through_the_tunnel_from_end_to_end() {
    for protocol in BOTH {
        let proxy = Proxy::start(protocol, Manner::Connects).await;
        let authority = Authority::new();
        let acceptor = authority.acceptor("receiver.example.com", &["http/1.1"], |_| {});
        let (receiver, _) = tls_receiver(acceptor, OK, true).await;
        let resolver = ScriptedResolver::new([ScriptedResolver::addresses(&["127.0.0.1"])]);
        let options = OutboundOptions {
            proxy: Some(proxy.egress(credentials(PASSWORD))),
            extra_roots: vec![authority.root.clone()],
            ..options(AddressPolicy::dev())
        };
        let client = OutboundClient::new(options, resolver).unwrap();
        let url = format!("https://receiver.example.com:{}/hook", receiver.address.port());
        assert_eq!(outcome(&client, &url).await, delivered(200), "{protocol:?}");
        let wrong = format!("https://other.example.com:{}/hook", receiver.address.port());
        assert_eq!(outcome(&client, &wrong).await, network(NetworkError::Certificate), "{protocol:?}");
        assert_eq!(proxy.asked().len(), 2, "{protocol:?}");
    }
}

#[tokio::test]
async fn what_the_proxy_says_is_told_apart() {
    use NetworkError::{Proxy as OfProxy, Refused, Unreachable};
    let cases = [
        (ProxyProtocol::Socks5, Manner::Answers(1), OfProxy),
        (ProxyProtocol::Socks5, Manner::Answers(2), OfProxy),
        (ProxyProtocol::Socks5, Manner::Answers(4), Unreachable),
        (ProxyProtocol::Socks5, Manner::Answers(5), Refused),
        (ProxyProtocol::Socks5, Manner::Garbles, OfProxy),
        (ProxyProtocol::HttpConnect, Manner::Answers(403), OfProxy),
        (ProxyProtocol::HttpConnect, Manner::Answers(503), Unreachable),
        (ProxyProtocol::HttpConnect, Manner::Garbles, OfProxy),
    ];
    for (protocol, manner, error) in cases {
        let proxy = Proxy::start(protocol, manner).await;
        let client = through(proxy.egress(None), AddressPolicy::dev(), no_names());
        let told = outcome(&client, "http://127.0.0.1:8000/").await;
        assert_eq!(told, network(error), "{protocol:?}");
    }
}

#[tokio::test]
async fn wrong_credentials_and_an_absent_proxy_are_the_proxys_fault() {
    for protocol in BOTH {
        let proxy = Proxy::start(protocol, Manner::Connects).await;
        let client = through(proxy.egress(credentials("wrong")), AddressPolicy::dev(), no_names());
        assert_eq!(outcome(&client, "http://127.0.0.1:8000/").await, network(NetworkError::Proxy));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let absent = EgressProxy { port, ..proxy.egress(None) };
        let client = through(absent, AddressPolicy::dev(), no_names());
        assert_eq!(outcome(&client, "http://127.0.0.1:8000/").await, network(NetworkError::Proxy));
        let unnamed = EgressProxy { host: "proxy.example.com".to_owned(), ..proxy.egress(None) };
        let client = through(unnamed, AddressPolicy::dev(), no_names());
        assert_eq!(outcome(&client, "http://127.0.0.1:8000/").await, network(NetworkError::Proxy));
    }
}

#[tokio::test]
async fn a_proxy_by_name_is_found_and_a_silent_one_costs_no_more_than_the_deadline() {
    for protocol in BOTH {
        let proxy = Proxy::start(protocol, Manner::Hangs).await;
        let named = EgressProxy { host: "proxy.internal".to_owned(), ..proxy.egress(None) };
        let resolver = ScriptedResolver::new([ScriptedResolver::addresses(&["127.0.0.1"])]);
        let client = through(named, AddressPolicy::dev(), resolver);
        let report = impatient(&client, "http://127.0.0.1:8000/").await;
        assert_eq!(report.outcome, timeout(Phase::Connect), "{protocol:?}");
        assert_eq!(proxy.asked(), ["127.0.0.1:8000"], "{protocol:?}");
    }
}

#[test]
fn credentials_do_not_show() {
    let proxy = EgressProxy {
        protocol: ProxyProtocol::Socks5,
        host: "proxy".to_owned(),
        port: 1080,
        credentials: credentials(PASSWORD),
    };
    let shown = format!("{:?}", OutboundOptions { proxy: Some(proxy), ..options(AddressPolicy::dev()) });
    assert!(shown.contains("[hidden]") && !shown.contains(PASSWORD) && !shown.contains(USER), "{shown}");
}
