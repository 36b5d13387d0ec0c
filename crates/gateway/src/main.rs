//! See `stentor --help`.

fn main() -> std::process::ExitCode {
    stentor::cli::run()
}
