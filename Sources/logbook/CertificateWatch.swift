import Dispatch
import Glibc
import HTTPServer

/// Reads the certificate again on SIGHUP and when its files change: a Secret volume swaps a link,
/// and sends no signal.
///
/// `@unchecked Sendable`: its sources are made before anything runs, and then only kept.
final class CertificateWatch: @unchecked Sendable {
    private let queue = DispatchQueue(label: "logbook.certificate")
    private let hangup: any DispatchSourceSignal
    private let timer: any DispatchSourceTimer

    init(_ credentials: TLSCredentials?, interval: Double) {
        // Without a certificate SIGHUP means nothing; it must not end the service either way.
        signal(SIGHUP, SIG_IGN)
        hangup = DispatchSource.makeSignalSource(signal: SIGHUP, queue: queue)
        hangup.setEventHandler { credentials?.reload() }
        hangup.activate()
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + interval, repeating: interval)
        timer.setEventHandler { credentials?.reloadIfChanged() }
        if credentials != nil { timer.activate() }
    }
}
