import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '@rappel/local-stack';
import { openConnections, type Connections, type Mail } from '../src/connections.ts';

/** What a server says to a command; nothing = it hangs, `cut` = it ends the connection. */
type Answers = (command: string, connection: number) => string | undefined;

const friendly: Answers = (command) => (command === 'DATA' ? '354 go on' : command.startsWith('EHLO') ? '250-here\r\n250 PIPELINING' : '250 fine');

let server: Server;
let sender: Connections;
const sockets: Socket[] = [];
const heard: string[][] = [];

async function start(answers: Answers, options: { most?: number; timeoutMs?: number; silentMs?: number } = {}): Promise<Connections> {
  heard.length = 0;
  server = createServer((socket) => {
    const commands: string[] = [];
    const connection = heard.push(commands);
    sockets.push(socket);
    socket.on('error', () => undefined);
    const say = (line: string | undefined) => (line === 'cut' ? socket.destroy() : line && socket.write(`${line}\r\n`));
    say('220 hello');
    let inMessage = false;
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\r\n').slice(0, -1)) {
        if (inMessage && line !== '.') continue;
        commands.push(line);
        inMessage = line === 'DATA' && answers(line, connection)?.startsWith('354') === true;
        say(answers(line, connection));
      }
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  sender = openConnections({ server: { host: '127.0.0.1', port }, most: options.most ?? 1, timeoutMs: options.timeoutMs ?? 5000, silentMs: options.silentMs ?? 4000 });
  return sender;
}

afterEach(async () => {
  sender.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => { server.close(resolve); });
});

function mail(to = 'jean@example.org'): Mail & { opened: number } {
  let begun = false;
  return {
    opened: 0, envelope: { from: 'a@example.org', to: [to] }, begun: () => begun,
    open() {
      this.opened += 1;
      return new Readable({ read() { begun = true; this.push('Subject: x\r\n\r\nx\r\n'); this.push(null); } });
    },
  };
}

describe('connections', () => {
  it('keeps one for the next mail, also after a refusal, which the server is told to forget', async () => {
    const { send } = await start((command, connection) => (command === 'RCPT TO:<nobody@example.org>' ? '550 5.1.1 nobody' : friendly(command, connection)));
    const refused = mail('nobody@example.org');
    await send(mail());
    await expect(send(refused)).rejects.toMatchObject({ responseCode: 550 });
    await send(mail());
    expect(refused.begun()).toBe(false);
    expect(heard).toHaveLength(1);
    expect(heard[0]!.filter((command) => /^(RSET|RCPT)/.test(command)).map((command) => command.slice(0, 4))).toEqual(['RCPT', 'RCPT', 'RSET', 'RCPT']);
  });

  it('goes to another one when the server gives an old one up: at the forgetting, or at the next mail', async () => {
    let mails = 0;
    const { send } = await start((command, connection) => {
      if (command === 'RSET') return 'cut';
      if (command.startsWith('RCPT') && connection === 2 && ++mails === 2) return 'cut';
      return command === 'RCPT TO:<nobody@example.org>' ? '550 5.1.1 nobody' : friendly(command, connection);
    });
    await expect(send(mail('nobody@example.org'))).rejects.toMatchObject({ responseCode: 550 });
    await send(mail());
    const twice = mail();
    await send(twice);
    expect([heard.length, twice.opened]).toEqual([3, 2]);
  });

  it('goes to another one when an old one is silent', async () => {
    const mails = (connection: number) => heard[connection - 1]!.filter((command) => command.startsWith('MAIL')).length;
    const { send } = await start((command, connection) => (command.startsWith('MAIL') && connection === 1 && mails(1) === 2 ? undefined : friendly(command, connection)), { silentMs: 50 });
    await send(mail());
    await send(mail());
    expect([heard.length, mails(1), mails(2)]).toEqual([2, 2, 1]);
  });

  it('tries a new one once only, and an old one not again once the message was begun', async () => {
    const { send } = await start((command, connection) => (command === 'RCPT TO:<cut@example.org>' || (command === '.' && connection === 2 && heard[1]!.includes('RCPT TO:<late@example.org>')) ? 'cut' : friendly(command, connection)));
    const cut = mail('cut@example.org');
    await expect(send(cut)).rejects.toMatchObject({ code: 'ECONNECTION' });
    await send(mail());
    const late = mail('late@example.org');
    await expect(send(late)).rejects.toMatchObject({ code: 'ECONNECTION' });
    expect([cut.opened, late.opened, late.begun(), heard.length]).toEqual([1, 1, true, 2]);
  });

  it('never opens more than it may; who waits too long is told so and never sent', async () => {
    const { send } = await start((command, connection) => (command.startsWith('RCPT') ? undefined : friendly(command, connection)), { most: 1, timeoutMs: 300 });
    const waiting = [mail(), mail(), mail()];
    const ends = await Promise.allSettled(waiting.map((one) => send(one)));
    expect(ends).toEqual(waiting.map(() => expect.objectContaining({ status: 'rejected', reason: expect.objectContaining({ code: 'ETIMEDOUT' }) })));
    expect([heard.length, waiting.map(({ opened }) => opened)]).toEqual([1, [1, 0, 0]]);
  });

  it('ends the idle at once and the busy after their mail', async () => {
    let go: (() => void) | undefined;
    const connections = await start((command, connection) => {
      if (command !== '.') return friendly(command, connection);
      go = () => { sockets.at(-1)!.write('250 taken\r\n'); };
      return undefined;
    });
    const sent = connections.send(mail());
    await until('the message is there', async () => go);
    connections.close();
    go!();
    await sent;
    await until('no connection is open', async () => sockets.every(({ destroyed }) => destroyed) || undefined);
  });
});
