import { Metadata, Server, ServerCredentials, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import featuresGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_grpc_pb.js';
import features from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js';
import streamsGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_grpc_pb.js';
import sessionsGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v2/streams/streams_grpc_pb.js';
import { answerAppend, answerSession } from './appends.ts';
import { createLog, type Log } from './log.ts';
import { answerRead } from './reads.ts';

export interface TestServer {
  readonly port: number;
  readonly log: Log;
  readonly connectionString: string;
  /** Cuts every connection and comes back on the same port with the same log. */
  restart(): Promise<void>;
  stop(): void;
}

interface TestServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Multi-stream appends come with 25.1. */
  readonly version?: string;
  /** Makes it a follower: it reads the leader's log and sends appends away to it. */
  readonly leader?: TestServer;
}

/** Speaks as much of KurrentDB's protocol as the adapter calls, over HTTP/2 without TLS. For tests only: the log is in memory. */
export async function startTestServer({ port: wanted = 0, version = '25.1.0', leader }: TestServerOptions = {}): Promise<TestServer> {
  const log = leader?.log ?? createLog();
  const hasSessions = Number.parseFloat(version) >= 25;
  const streamsService = {
    read: (call: Parameters<typeof answerRead>[1]) => void answerRead(log, call).catch((error: Error) => call.destroy(error)),
    append: (...[call, callback]: Parameters<typeof answerAppend> extends [unknown, ...infer Rest] ? Rest : never) =>
      void (leader ? callback(notLeader(leader.port)) : answerAppend(log, call, callback).catch(() => undefined)),
  };
  const sessions = {
    appendSession: (...[call, callback]: Parameters<typeof answerSession> extends [unknown, ...infer Rest] ? Rest : never) =>
      void answerSession(log, call, callback).catch(() => undefined),
  };
  const supported = [method('event_store.client.streams.streams', 'append'), ...(hasSessions ? [method('kurrentdb.protocol.v2.streams.streamsservice', 'appendsession')] : [])];
  const serverFeatures = {
    getSupportedMethods: (_: unknown, callback: (error: null, answer: features.SupportedMethods) => void) => {
      const answer = new features.SupportedMethods();
      answer.setEventStoreServerVersion(version);
      answer.setMethodsList(supported);
      callback(null, answer);
    },
  };

  async function start(port: number): Promise<{ server: Server; port: number }> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(streamsGrpc.StreamsService, streamsService as unknown as UntypedServiceImplementation);
    if (hasSessions) server.addService(sessionsGrpc.StreamsServiceService, sessions as unknown as UntypedServiceImplementation);
    server.addService(featuresGrpc.ServerFeaturesService, serverFeatures as unknown as UntypedServiceImplementation);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, given) => (error ? reject(error) : resolve(given)));
    });
    return { server, port: bound };
  }

  let { server, port } = await start(wanted);
  return {
    log,
    get port() { return port; },
    connectionString: `kurrentdb://127.0.0.1:${port}?tls=false`,
    restart: async () => {
      server.forceShutdown();
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      ({ server, port } = await start(port));
    },
    stop: () => server.forceShutdown(),
  };
}

function notLeader(port: number) {
  const metadata = new Metadata();
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', '127.0.0.1');
  metadata.set('leader-endpoint-port', String(port));
  return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
}

function method(service: string, name: string): features.SupportedMethod {
  const supported = new features.SupportedMethod();
  supported.setServiceName(service);
  supported.setMethodName(name);
  return supported;
}
