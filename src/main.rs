//! Arguments in, exit code out.

fn main() -> std::process::ExitCode {
    meshctl::cli::run()
}
