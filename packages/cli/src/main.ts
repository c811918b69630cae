import { runTool } from './program.ts';

// A reader that has seen enough (`| head`) ends the tool quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runTool(process.argv.slice(2), process);
// What still waits (a closed connection's timer) must not keep the shell waiting.
process.stdout.write('', () => process.exit());
