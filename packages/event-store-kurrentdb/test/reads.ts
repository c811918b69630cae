import { once } from 'node:events';
import type { ServerWritableStream } from '@grpc/grpc-js';
import streams from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js';
import type { Entry, Log } from './log.ts';
import { caughtUpMessage, checkpointMessage, confirmationMessage, eventMessage, nameOf, notFoundMessage } from './messages.ts';

type ReadCall = ServerWritableStream<streams.ReadReq, streams.ReadResp>;
type Options = streams.ReadReq.Options;

const isBackwards = (options: Options): boolean => options.getReadDirection() === streams.ReadReq.Options.ReadDirection.BACKWARDS;
const isStructured = (options: Options): boolean => !options.getUuidOption()?.hasString();

export async function answerRead(log: Log, call: ReadCall): Promise<void> {
  const options = call.request.getOptions()!;
  if (options.hasSubscription()) return follow(log, call);
  const stream = options.getStream();
  const found = stream ? readStream(log, options, stream) : readAll(log, options, options.getAll()!);
  if (found) for (const entry of found.slice(0, Number(options.getCount()))) await send(call, eventMessage(entry, isStructured(options)));
  else await send(call, notFoundMessage(nameOf(stream!.getStreamIdentifier())));
  call.end();
}

function readStream(log: Log, options: Options, from: streams.ReadReq.Options.StreamOptions): readonly Entry[] | undefined {
  const known = log.streamOf(nameOf(from.getStreamIdentifier()));
  if (known.length === 0) return undefined;
  const start = from.hasRevision() ? Number(from.getRevision()) : from.hasEnd() ? known.length - 1 : 0;
  return isBackwards(options) ? known.slice(0, start + 1).toReversed() : known.slice(start);
}

/** As the server has it: forwards from a position includes it, backwards does not. */
function readAll(log: Log, options: Options, from: streams.ReadReq.Options.AllOptions): readonly Entry[] {
  const position = from.hasPosition() ? BigInt(from.getPosition()!.getCommitPosition()) : undefined;
  const passes = filterOf(options);
  const backwards = isBackwards(options);
  const ordered = backwards ? log.entries.toReversed() : log.entries;
  if (backwards ? from.hasStart() : from.hasEnd()) return [];
  return ordered.filter((entry) => passes(entry) && (position === undefined || (backwards ? entry.position < position : entry.position >= position)));
}

function filterOf(options: Options): (entry: Entry) => boolean {
  const expression = options.getFilter()?.getStreamIdentifier();
  if (!expression) return () => true;
  const regex = new RegExp(expression.getRegex());
  return ({ stream }) => regex.test(stream);
}

/** Everything after the position, then what comes, with a checkpoint now and then and a word when the end is reached. */
async function follow(log: Log, call: ReadCall): Promise<void> {
  const options = call.request.getOptions()!;
  const passes = filterOf(options);
  const position = options.getAll()?.getPosition();
  let next = position ? log.entries.findIndex((entry) => entry.position > BigInt(position.getCommitPosition())) : 0;
  if (next < 0) next = log.entries.length;
  let wake = () => {};
  const stop = log.onCommit(() => wake());
  call.on('cancelled', () => { stop(); wake(); });
  await send(call, confirmationMessage());
  let isTold = false;
  let passedOver = 0;
  while (!call.cancelled) {
    const entry = log.entries[next];
    if (entry) {
      next += 1;
      if (passes(entry)) await send(call, eventMessage(entry, isStructured(options)));
      else if (++passedOver % 5 === 0) await send(call, checkpointMessage(entry.position));
      continue;
    }
    if (!isTold) await send(call, caughtUpMessage());
    isTold = true;
    if (log.entries[next]) continue;
    await new Promise<void>((resolve) => { wake = resolve; });
  }
  call.end();
}

async function send(call: ReadCall, message: streams.ReadResp): Promise<void> {
  if (call.cancelled || call.write(message)) return;
  const over = new AbortController();
  const gone = () => over.abort();
  call.once('cancelled', gone);
  await once(call, 'drain', { signal: over.signal }).catch(() => undefined);
  call.off('cancelled', gone);
}
