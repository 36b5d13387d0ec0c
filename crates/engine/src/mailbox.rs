//! The one queue type between the engine's actors: bounded, so that a slow reader slows its writers.

use tokio::sync::mpsc;

/// Where messages are put.
#[derive(Debug)]
pub struct Mailbox<T>(mpsc::Sender<T>);

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Where an actor takes its messages.
#[derive(Debug)]
pub struct Inbox<T>(mpsc::Receiver<T>);

/// A connected pair.
pub fn mailbox<T>(capacity: usize) -> (Mailbox<T>, Inbox<T>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Mailbox(sender), Inbox(receiver))
}

impl<T> Mailbox<T> {
    /// Puts a message, waiting for room. A message to an actor that has stopped is dropped: at that point the process is
    /// on its way out and everything that matters is in the database.
    pub async fn put(&self, message: T) {
        let _ = self.0.send(message).await;
    }

    /// Puts a message if there is room and an actor; otherwise the message is lost and the answer is false.
    pub fn put_if_room(&self, message: T) -> bool {
        self.0.try_send(message).is_ok()
    }
}

impl<T> Inbox<T> {
    /// Takes what is waiting, at least one message and at most `most`, into `into`. False when every mailbox is gone.
    pub async fn take(&mut self, into: &mut Vec<T>, most: usize) -> bool {
        self.0.recv_many(into, most).await > 0
    }
}

impl<T: Send + 'static> Mailbox<T> {
    /// Puts a message without making the caller wait: one actor must never wait for another.
    pub fn put_soon(&self, message: T) {
        if let Err(mpsc::error::TrySendError::Full(message)) = self.0.try_send(message) {
            let mailbox = self.clone();
            tokio::spawn(async move { mailbox.put(message).await });
        }
    }
}
