import { Metadata, Server, ServerCredentials, status, type UntypedServiceImplementation } from '@grpc/grpc-js';
import featuresGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_grpc_pb.js';
import features from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js';
import gossipGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_grpc_pb.js';
import gossipMessages from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js';
import streamsGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_grpc_pb.js';
import sessionsGrpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v2/streams/streams_grpc_pb.js';
import { answerAppend, answerSession } from './appends.ts';
import { createLog, type Log } from './log.ts';
import { answerRead } from './reads.ts';

export interface TestServer {
  readonly port: number;
  readonly log: Log;
  readonly connectionString: string;
  /** The next `times` calls of this kind go wrong. `answer lost`: the events are written, then the connection's trouble is told instead. */
  fail(kind: 'append' | 'read', how: Failure, times: number): void;
  /** Cuts every connection and comes back on the same port with the same log. */
  restart(): Promise<void>;
  stop(): void;
}

export type Failure = 'unavailable' | 'deadline exceeded' | 'not leader' | 'silence' | 'answer lost';

/** Nodes that share one log, as if replication took no time. The first to start leads. */
export interface Cluster {
  readonly log: Log;
  readonly ports: Set<number>;
  leader: number;
}

export const createCluster = (): Cluster => ({ log: createLog(), ports: new Set(), leader: 0 });

interface TestServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Multi-stream appends come with 25.1. */
  readonly version?: string;
  /** One node of it: who does not lead sends appends, and reads that want the leader, away to it. */
  readonly cluster?: Cluster;
  /** PEM. Default: no TLS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

type Handler<F extends (log: Log, call: never, callback: never) => unknown> = (call: Parameters<F>[1], callback: Parameters<F>[2]) => void;

/** Speaks as much of KurrentDB's protocol as the adapter calls, over HTTP/2. For tests only: the log is in memory. */
export async function startTestServer({ port: wanted = 0, version = '25.1.0', cluster = createCluster(), tls }: TestServerOptions = {}): Promise<TestServer> {
  const { log } = cluster;
  const hasSessions = Number.parseFloat(version) >= 25;
  const failures: Record<'append' | 'read', Failure[]> = { append: [], read: [] };
  const follows = () => cluster.leader !== port;

  const append: Handler<typeof answerAppend> = (call, callback) => {
    const failure = follows() ? 'not leader' : failures.append.shift();
    if (failure === 'silence') return;
    if (failure === 'answer lost') void answerAppend(log, call, () => callback(errorOf(failure, cluster.leader)));
    else if (failure) callback(errorOf(failure, cluster.leader));
    else void answerAppend(log, call, callback).catch(() => undefined);
  };
  const appendSession: Handler<typeof answerSession> = (call, callback) => {
    if (follows()) callback(errorOf('not leader', cluster.leader));
    else void answerSession(log, call, callback).catch(() => undefined);
  };
  const read = (call: Parameters<typeof answerRead>[1]): void => {
    const failure = follows() && call.metadata.get('requires-leader').includes('true') ? 'not leader' : failures.read.shift();
    if (failure === 'silence') return;
    if (failure) call.emit('error', errorOf(failure, cluster.leader));
    else void answerRead(log, call).catch((error: Error) => call.destroy(error));
  };
  const supported = [method('event_store.client.streams.streams', 'append'), ...(hasSessions ? [method('kurrentdb.protocol.v2.streams.streamsservice', 'appendsession')] : [])];
  const getSupportedMethods = (_: unknown, callback: (error: null, answer: features.SupportedMethods) => void) => {
    const answer = new features.SupportedMethods();
    answer.setEventStoreServerVersion(version);
    answer.setMethodsList(supported);
    callback(null, answer);
  };
  const gossip = (_: unknown, callback: (error: null, answer: ReturnType<typeof clusterInfo>) => void) => callback(null, clusterInfo(cluster));

  async function start(at: number): Promise<{ server: Server; port: number }> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(streamsGrpc.StreamsService, { read, append } as unknown as UntypedServiceImplementation);
    if (hasSessions) server.addService(sessionsGrpc.StreamsServiceService, { appendSession } as unknown as UntypedServiceImplementation);
    server.addService(featuresGrpc.ServerFeaturesService, { getSupportedMethods } as unknown as UntypedServiceImplementation);
    server.addService(gossipGrpc.GossipService, { read: gossip } as unknown as UntypedServiceImplementation);
    const credentials = tls ? ServerCredentials.createSsl(null, [{ cert_chain: tls.cert, private_key: tls.key }]) : ServerCredentials.createInsecure();
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${at}`, credentials, (error, given) => (error ? reject(error) : resolve(given)));
    });
    cluster.ports.add(bound);
    if (cluster.leader === 0) cluster.leader = bound;
    return { server, port: bound };
  }

  let { server, port } = await start(wanted);
  const stop = () => {
    cluster.ports.delete(port);
    server.forceShutdown();
  };
  return {
    log, stop,
    get port() { return port; },
    connectionString: `kurrentdb://127.0.0.1:${port}?tls=${tls !== undefined}`,
    fail: (kind, how, times) => failures[kind].push(...Array.from({ length: times }, () => how)),
    restart: async () => {
      stop();
      await new Promise((resolve) => { setTimeout(resolve, 100); });
      ({ server, port } = await start(port));
    },
  };
}

function errorOf(failure: Failure, leader: number) {
  const metadata = new Metadata();
  if (failure === 'unavailable' || failure === 'answer lost') return { code: status.UNAVAILABLE, details: 'the server is going away', metadata };
  if (failure === 'deadline exceeded') return { code: status.DEADLINE_EXCEEDED, details: 'Deadline Exceeded', metadata };
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', '127.0.0.1');
  metadata.set('leader-endpoint-port', String(leader));
  return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
}

function clusterInfo({ ports, leader }: Cluster): gossipMessages.ClusterInfo {
  const info = new gossipMessages.ClusterInfo();
  for (const port of ports) {
    const endPoint = new gossipMessages.EndPoint();
    endPoint.setAddress('127.0.0.1');
    endPoint.setPort(port);
    const member = new gossipMessages.MemberInfo();
    member.setIsAlive(true);
    member.setHttpEndPoint(endPoint);
    const { LEADER, FOLLOWER } = gossipMessages.MemberInfo.VNodeState;
    member.setState(port === leader ? LEADER : FOLLOWER);
    info.addMembers(member);
  }
  return info;
}

function method(service: string, name: string): features.SupportedMethod {
  const supported = new features.SupportedMethod();
  supported.setServiceName(service);
  supported.setMethodName(name);
  return supported;
}
