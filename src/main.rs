//! The `recant` program.

fn main() -> std::process::ExitCode {
    recant::cli::main()
}
