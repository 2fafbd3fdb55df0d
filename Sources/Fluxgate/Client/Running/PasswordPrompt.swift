internal import Model

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Asks the person at the terminal for a password, without showing it.
enum PasswordPrompt {
    static func ask(_ question: String) throws(ClientFailure) -> Secret {
        Console.note(question, terminator: "")
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else {
            throw ClientFailure(.usage, "There is no terminal to ask for the password at; set MF_PASSWORD.")
        }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            Console.note("")
        }
        return try readLine()
    }

    private static func readLine() throws(ClientFailure) -> Secret {
        var line = PasswordLine()
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) == 1 {
            switch line.type(byte) {
            case .more: continue
            case .interrupted: throw ClientFailure(.interrupted, "Interrupted.")
            case .done:
                guard let text = line.text else { throw ClientFailure(.badInput, "The password is no UTF-8.") }
                return Secret(text)
            }
        }
        throw ClientFailure(.badInput, "No password was typed.")
    }
}
