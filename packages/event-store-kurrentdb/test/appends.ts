import { Metadata, status, type sendUnaryData, type ServerReadableStream } from '@grpc/grpc-js';
import shared from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js';
import rpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/status_pb.js';
import streams from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js';
import errors from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v2/streams/errors_pb.js';
import v2 from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v2/streams/streams_pb.js';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import type { Expected, Log, Proposed, Verdict, Write } from './log.ts';
import { idOf, nameOf } from './messages.ts';

/** The server's default. */
const MAX_APPEND_BYTES = 1024 * 1024;

type AppendCall = ServerReadableStream<streams.AppendReq, streams.AppendResp>;

export async function answerAppend(log: Log, call: AppendCall, callback: sendUnaryData<streams.AppendResp>): Promise<void> {
  let options: streams.AppendReq.Options | undefined;
  const events: Proposed[] = [];
  for await (const request of call as AsyncIterable<streams.AppendReq>) {
    options ??= request.getOptions();
    const message = request.getProposedMessage();
    if (message) {
      events.push({
        id: idOf(message.getId()!),
        metadata: new Map(message.getMetadataMap().toObject(true, () => '').map(([key, value]) => [key, value])),
        custom: message.getCustomMetadata_asU8(),
        data: message.getData_asU8(),
      });
    }
  }
  if (events.reduce((sum, { data, custom }) => sum + data.length + custom.length, 0) > MAX_APPEND_BYTES) return callback(tooBig());
  const write: Write = { stream: nameOf(options!.getStreamIdentifier()), expected: expectedOf(options!), events };
  callback(null, appendAnswer(log.commit([write])[0]!));
}

function expectedOf(options: streams.AppendReq.Options): Expected {
  if (options.hasAny()) return 'any';
  if (options.hasNoStream()) return -1;
  return Number(options.getRevision());
}

function appendAnswer(verdict: Verdict): streams.AppendResp {
  const response = new streams.AppendResp();
  if (verdict.kind === 'written') {
    const position = new streams.AppendResp.Position();
    position.setCommitPosition(String(verdict.last.position));
    position.setPreparePosition(String(verdict.last.position));
    const success = new streams.AppendResp.Success();
    success.setCurrentRevision(String(verdict.last.revision));
    success.setPosition(position);
    response.setSuccess(success);
    return response;
  }
  const wrong = new streams.AppendResp.WrongExpectedVersion();
  if (verdict.actual < 0) wrong.setCurrentNoStream(new shared.Empty());
  else wrong.setCurrentRevision(String(verdict.actual));
  wrong.setExpectedAny(new shared.Empty());
  response.setWrongExpectedVersion(wrong);
  return response;
}

function tooBig() {
  const metadata = new Metadata();
  metadata.set('exception', 'maximum-append-size-exceeded');
  metadata.set('maximum-append-size', String(MAX_APPEND_BYTES));
  return { code: status.INVALID_ARGUMENT, details: 'Maximum Append Size Exceeded', metadata };
}

type SessionCall = ServerReadableStream<v2.AppendRequest, v2.AppendSessionResponse>;

export async function answerSession(log: Log, call: SessionCall, callback: sendUnaryData<v2.AppendSessionResponse>): Promise<void> {
  const writes: Write[] = [];
  for await (const request of call as AsyncIterable<v2.AppendRequest>) {
    const expected = Number(request.getExpectedRevision());
    writes.push({ stream: request.getStream(), expected: expected === -2 ? 'any' : expected, events: request.getRecordsList().map(proposed) });
  }
  const verdicts = log.commit(writes);
  const response = new v2.AppendSessionResponse();
  for (const verdict of verdicts) {
    if (verdict.kind === 'conflict') return callback(revisionConflict(verdict));
    const output = new v2.AppendResponse();
    output.setStream(verdict.last.stream);
    output.setStreamRevision(String(verdict.last.revision));
    response.addOutput(output);
    response.setPosition(String(verdict.last.position));
  }
  callback(null, response);
}

/** Properties of the second protocol are read back through the first one as metadata, with the schema's name among them. */
function proposed(record: v2.AppendRecord): Proposed {
  const type = record.getSchema()!.getName();
  const properties: Record<string, string> = { '$schema.name': type, '$schema.format': 'Json' };
  for (const [key, value] of record.getPropertiesMap().entries() as unknown as Iterable<[string, { getStringValue(): string }]>) properties[key] = value.getStringValue();
  return {
    id: record.getRecordId()!,
    metadata: new Map([['type', type], ['content-type', 'application/json']]),
    custom: Buffer.from(JSON.stringify(properties)),
    data: record.getData_asU8(),
  };
}

function revisionConflict({ write, actual }: Extract<Verdict, { kind: 'conflict' }>) {
  const conflict = new errors.StreamRevisionConflictErrorDetails();
  conflict.setStream(write.stream);
  conflict.setExpectedRevision(String(write.expected === 'any' ? -2 : write.expected));
  conflict.setActualRevision(String(actual));
  const details = new any.Any();
  details.pack(conflict.serializeBinary(), 'kurrentdb.protocol.v2.streams.errors.StreamRevisionConflictErrorDetails');
  const reason = new rpc.Status();
  reason.setDetails(details);
  const metadata = new Metadata();
  metadata.set('grpc-status-details-bin', Buffer.from(reason.serializeBinary()));
  return { code: status.FAILED_PRECONDITION, details: 'stream revision conflict', metadata };
}
