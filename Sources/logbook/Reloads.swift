import Access
import Dispatch
import HTTPServer
import LogbookAPI

/// What is read again while the service runs: the certificate's files, and who may do what.
struct Reloads: Sendable {
    let credentials: TLSCredentials?
    let access: AccessControl?
    let api: LogbookAPI

    /// Reads them again, as SIGHUP asks.
    func reload() {
        credentials?.reload()
        if access?.reload() == true { api.noteAccessChange() }
    }

    /// Looks at the files now and then: a Secret volume swaps a link, and sends no signal.
    func watch(every seconds: Double) -> (any DispatchSourceTimer)? {
        guard credentials != nil || access != nil else { return nil }
        let timer = DispatchSource.makeTimerSource()
        timer.schedule(deadline: .now() + seconds, repeating: seconds)
        timer.setEventHandler {
            credentials?.reloadIfChanged()
            if access?.reloadIfChanged() == true { api.noteAccessChange() }
        }
        timer.activate()
        return timer
    }
}
