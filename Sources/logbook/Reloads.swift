import Access
import Dispatch
import HTTPServer
import LogbookAPI

/// The files that are read again while the service runs: the certificate's and the access file.
struct Reloads: Sendable {
    let credentials: TLSCredentials?
    let access: AccessControl?
    let api: LogbookAPI

    /// Reads them again, on SIGHUP.
    func reload() {
        credentials?.reload()
        if access?.reload() == true { api.noteAccessChange() }
    }

    /// Checks the files at intervals, because a Secret volume swaps a link and sends no signal.
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
