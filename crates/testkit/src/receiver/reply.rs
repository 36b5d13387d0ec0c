//! What a scripted receiver does with a request.

use std::time::Duration;

use bytes::Bytes;

/// One reply.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) delay: Duration,
    pub(super) held: bool,
    pub(super) action: Action,
}

/// What goes out, or does not.
#[derive(Debug, Clone)]
pub enum Action {
    /// A well-formed answer.
    Answer {
        /// The status code.
        status: u16,
        /// Headers beside Content-Length and Connection.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
        /// Whether the connection ends with this answer.
        close: bool,
    },
    /// Nothing, until the client goes away.
    Hang,
    /// A 200 whose body never ends.
    EndlessBody,
    /// A 200 whose header section never ends.
    EndlessHead,
    /// A 200 with a body of this length that comes one byte at a time, with this pause before each.
    Trickle {
        /// Length of the body.
        body_bytes: usize,
        /// Pause before each byte.
        pause: Duration,
    },
    /// A TCP reset.
    Reset,
    /// The end of the connection, without a byte.
    Close,
    /// These bytes, then the end of the connection.
    Bytes(Bytes),
}

impl Default for Reply {
    fn default() -> Self {
        Self::status(200)
    }
}

impl From<Action> for Reply {
    fn from(action: Action) -> Self {
        Self { delay: Duration::ZERO, held: false, action }
    }
}

impl Reply {
    /// An answer with that status and no body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Action::Answer { status, headers: Vec::new(), body: Bytes::new(), close: false }.into()
    }

    /// Reads the request and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Action::Hang.into()
    }

    /// Answers with something that is not HTTP.
    #[must_use]
    pub fn garbage() -> Self {
        Action::Bytes(Bytes::from_static(b"\x16\x03\x01 this is not HTTP\r\n\r\n")).into()
    }

    /// Answers with a body of that many bytes.
    #[must_use]
    pub fn big_body(length_bytes: usize) -> Self {
        Self::status(200).body(vec![b'x'; length_bytes])
    }

    /// Answers with the status and `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(status: u16, seconds: u64) -> Self {
        Self::status(status).header("retry-after", &seconds.to_string())
    }

    /// The same reply, this long after the request was read.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same reply, once [`Receiver::release`](super::Receiver::release) lets it go.
    #[must_use]
    pub fn held(self) -> Self {
        Self { held: true, ..self }
    }

    /// The same answer with a header more.
    ///
    /// # Panics
    /// When the reply is no [`Action::Answer`]; so do [`body`](Self::body) and [`close`](Self::close).
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Action::Answer { headers, .. } = &mut self.action else { panic!("no header fits {self:?}") };
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer with this body.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        let Action::Answer { body, .. } = &mut self.action else { panic!("no body fits {self:?}") };
        *body = bytes.into();
        self
    }

    /// The same answer, and then the end of the connection.
    #[must_use]
    pub fn close(mut self) -> Self {
        let Action::Answer { close, .. } = &mut self.action else { panic!("no close fits {self:?}") };
        *close = true;
        self
    }

    /// The status that the client will see, if it is going to see one.
    #[must_use]
    pub fn answered_status(&self) -> Option<u16> {
        match &self.action {
            Action::Answer { status, .. } => Some(*status),
            Action::Trickle { .. } => Some(200),
            Action::Hang | Action::EndlessBody | Action::EndlessHead => None,
            Action::Reset | Action::Close | Action::Bytes(_) => None,
        }
    }
}
