// Loaded into a service before itself (--import): writes a CPU profile when the process ends, as --cpu-prof would,
// which NODE_OPTIONS does not take.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { basename, join } from 'node:path';

const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.setSamplingInterval', { interval: 500 });
session.post('Profiler.start');
process.on('exit', () => {
  session.post('Profiler.stop', (error, result) => {
    if (error) return;
    writeFileSync(join(process.env.RAPPEL_PROFILES, `${basename(process.argv[1] ?? 'node', '.mjs')}-${process.pid}.cpuprofile`), JSON.stringify(result.profile));
  });
});
