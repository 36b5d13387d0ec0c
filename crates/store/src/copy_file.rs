//! The file that a copy of a database on a server is kept in: parts, each with its kind, its length and a checksum, so that what
//! was cut off or damaged is not taken for a copy.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};

use crate::error::{StoreError, StoreResult, unreadable};

const MAGIC: &[u8; 16] = b"stentor copy v1\n";
/// No part is longer: the server sends a row at a time, and no value is larger than a gigabyte.
const PART_BYTES_MAX: u32 = 1 << 30;
const SUM_BYTES: usize = 8;

/// A piece of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// The schema's version. Comes first.
    Schema(u32),
    /// The rows of this table follow.
    Table(String),
    /// Rows as the server writes them.
    Rows(Bytes),
    /// Nothing follows.
    End,
}

impl Part {
    fn encode(&self) -> (u8, Bytes) {
        match self {
            Self::Schema(version) => (1, Bytes::copy_from_slice(&version.to_be_bytes())),
            Self::Table(name) => (2, Bytes::copy_from_slice(name.as_bytes())),
            Self::Rows(bytes) => (3, bytes.clone()),
            Self::End => (4, Bytes::new()),
        }
    }

    fn decode(kind: u8, bytes: Vec<u8>) -> Option<Self> {
        Some(match kind {
            1 => Self::Schema(u32::from_be_bytes(bytes.try_into().ok()?)),
            2 => Self::Table(String::from_utf8(bytes).ok()?),
            3 => Self::Rows(bytes.into()),
            4 => Self::End,
            _ => return None,
        })
    }
}

fn sum(kind: u8, bytes: &[u8]) -> [u8; SUM_BYTES] {
    let digest = Sha256::new().chain_update([kind]).chain_update(bytes).finalize();
    let mut sum = [0; SUM_BYTES];
    sum.copy_from_slice(&digest[..SUM_BYTES]);
    sum
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: io::Error) -> StoreError {
    StoreError::Unavailable(format!("the backup file: {error}"))
}

/// Writes a copy.
pub(crate) struct Writer {
    file: BufWriter<File>,
    path: PathBuf,
}

impl Writer {
    /// The file must not exist.
    pub async fn create(path: &Path) -> StoreResult<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path).await.map_err(failed)?;
        let mut file = BufWriter::new(file);
        file.write_all(MAGIC).await.map_err(failed)?;
        Ok(Self { file, path: path.to_owned() })
    }

    pub async fn put(&mut self, part: &Part) -> StoreResult<()> {
        let (kind, bytes) = part.encode();
        let length = u32::try_from(bytes.len()).ok().filter(|length| *length <= PART_BYTES_MAX);
        let length = length.ok_or_else(|| StoreError::Unexpected("a row is too large for a copy".into()))?;
        let head = [&[kind][..], &length.to_be_bytes(), &sum(kind, &bytes)].concat();
        self.file.write_all(&head).await.map_err(failed)?;
        self.file.write_all(&bytes).await.map_err(failed)
    }

    /// Ends and syncs the file, or removes it when copying failed.
    pub async fn finish(mut self, copied: StoreResult<()>) -> StoreResult<()> {
        let ended = match copied {
            Ok(()) => self.end().await,
            Err(error) => Err(error),
        };
        if ended.is_err()
            && let Err(error) = tokio::fs::remove_file(&self.path).await
        {
            tracing::warn!(%error, "an unfinished backup could not be removed");
        }
        ended
    }

    async fn end(&mut self) -> StoreResult<()> {
        self.put(&Part::End).await?;
        self.file.flush().await.map_err(failed)?;
        self.file.get_ref().sync_all().await.map_err(failed)
    }
}

/// Reads a copy.
pub(crate) struct Reader(BufReader<File>);

impl Reader {
    pub async fn open(path: &Path) -> StoreResult<Self> {
        let mut file = BufReader::new(File::open(path).await.map_err(failed)?);
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic).await.map_err(failed)?;
        if magic != *MAGIC {
            return Err(unreadable("the beginning of a copy"));
        }
        Ok(Self(file))
    }

    /// None at the end of the file, which is only in order after [`Part::End`].
    pub async fn next(&mut self) -> StoreResult<Option<Part>> {
        let kind = match self.0.read_u8().await {
            Ok(kind) => kind,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let length = self.0.read_u32().await.map_err(failed)?;
        let mut expected = [0; SUM_BYTES];
        self.0.read_exact(&mut expected).await.map_err(failed)?;
        if length > PART_BYTES_MAX {
            return Err(unreadable("a part of a copy"));
        }
        let mut bytes = Vec::new();
        (&mut self.0).take(length.into()).read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() as u64 != u64::from(length) || sum(kind, &bytes) != expected {
            return Err(unreadable("a part of a copy"));
        }
        Part::decode(kind, bytes).map(Some).ok_or_else(|| unreadable("a part of a copy"))
    }
}
