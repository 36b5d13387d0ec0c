//! SOCKS5 (RFC 1928) with user name and password (RFC 1929).

use std::net::{IpAddr, SocketAddr};

use stentor_core::attempt::NetworkError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{ProxyCredentials, broken};

const VERSION: u8 = 5;
const NO_CREDENTIALS: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
/// The version of the exchange of credentials.
const CREDENTIALS_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Has the proxy connect to `receiver`. The protocol tells the length of all that it sends, so nothing of the receiver's
/// is read.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    receiver: SocketAddr,
    credentials: Option<&ProxyCredentials>,
) -> Result<(), NetworkError> {
    let offered = match credentials {
        None => &[VERSION, 1, NO_CREDENTIALS][..],
        Some(_) => &[VERSION, 2, NO_CREDENTIALS, USER_AND_PASSWORD],
    };
    stream.write_all(offered).await.map_err(broken)?;
    match (read(stream).await?, credentials) {
        ([VERSION, NO_CREDENTIALS], _) => {}
        ([VERSION, USER_AND_PASSWORD], Some(credentials)) => sign_in(stream, credentials).await?,
        _ => return Err(NetworkError::Proxy),
    }
    stream.write_all(&request(receiver)).await.map_err(broken)?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(NetworkError::Proxy);
    }
    if reply != 0 {
        return Err(of_reply(reply));
    }
    skip_address(stream, kind).await
}

async fn sign_in(stream: &mut TcpStream, credentials: &ProxyCredentials) -> Result<(), NetworkError> {
    let mut message = zeroize::Zeroizing::new(vec![CREDENTIALS_VERSION]);
    for part in [credentials.user.as_bytes(), credentials.password.reveal().as_bytes()] {
        message.push(u8::try_from(part.len()).map_err(|_| NetworkError::Proxy)?);
        message.extend_from_slice(part);
    }
    stream.write_all(&message).await.map_err(broken)?;
    let [_, refused] = read(stream).await?;
    if refused == 0 { Ok(()) } else { Err(NetworkError::Proxy) }
}

fn request(receiver: SocketAddr) -> Vec<u8> {
    let mut request = vec![VERSION, CONNECT, 0];
    match receiver.ip() {
        IpAddr::V4(ip) => {
            request.push(IPV4);
            request.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            request.push(IPV6);
            request.extend_from_slice(&ip.octets());
        }
    }
    request.extend_from_slice(&receiver.port().to_be_bytes());
    request
}

/// What the proxy says of the receiver is said of the receiver; what it says of itself, of the proxy.
fn of_reply(reply: u8) -> NetworkError {
    match reply {
        // Network unreachable, host unreachable, TTL expired.
        3 | 4 | 6 => NetworkError::Unreachable,
        5 => NetworkError::Refused,
        _ => NetworkError::Proxy,
    }
}

/// The address that the proxy leaves from is of no use to us.
async fn skip_address(stream: &mut TcpStream, kind: u8) -> Result<(), NetworkError> {
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => {
            let [length] = read(stream).await?;
            usize::from(length)
        }
        _ => return Err(NetworkError::Proxy),
    };
    let mut address_and_port = [0; 255 + 2];
    stream.read_exact(&mut address_and_port[..length + 2]).await.map_err(broken)?;
    Ok(())
}

async fn read<const LENGTH: usize>(stream: &mut TcpStream) -> Result<[u8; LENGTH], NetworkError> {
    let mut bytes = [0; LENGTH];
    stream.read_exact(&mut bytes).await.map_err(broken)?;
    Ok(bytes)
}
