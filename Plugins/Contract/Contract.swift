import Foundation
import PackagePlugin

/// Puts openapi.yaml into the program that is built.
@main struct Contract: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) async throws -> [Command] {
        let contract = context.package.directoryURL.appending(path: "openapi.yaml")
        let source = context.pluginWorkDirectoryURL.appending(path: "Contract.swift")
        return [
            .buildCommand(
                displayName: "Embedding openapi.yaml",
                executable: try context.tool(named: "EmbedContract").url,
                arguments: [contract.path, source.path], inputFiles: [contract],
                outputFiles: [source])
        ]
    }
}
