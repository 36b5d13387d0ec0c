//! The end of a process that may have lost its place.

/// Ends the process when it is dropped by a panic: a writer that may have lost its place must not go on (engine rule E3).
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
