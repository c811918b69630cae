import { Controller, Get, Inject, NotFoundException, Res } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import type { Registry } from 'prom-client';
import { Public, Scopes } from '../auth/scopes.ts';
import type { HealthChecks } from '../health.ts';
import { HEALTH, METRICS } from '../tokens.ts';
import { docsAsset, docsPage, docsPolicy, docsScript } from './docs-page.ts';
import { Endpoint } from './endpoint.ts';
import { openApiOf } from './openapi.ts';

export const SERVICE_NAME = 'rappel:service-name';

/** What every service answers beside its own endpoints. */
@Controller()
export class SystemController {
  readonly #health: HealthChecks;
  readonly #metrics: Registry;
  readonly #name: string;
  readonly #modules: ModulesContainer;
  constructor(@Inject(HEALTH) health: HealthChecks, @Inject(METRICS) metrics: Registry, @Inject(SERVICE_NAME) name: string, @Inject(ModulesContainer) modules: ModulesContainer) {
    this.#health = health;
    this.#metrics = metrics;
    this.#name = name;
    this.#modules = modules;
  }

  @Get('health/live')
  @Public()
  @Endpoint({ summary: 'The process answers', tags: ['system'] })
  live(): { status: string } {
    return { status: 'up' };
  }

  @Get('health/ready')
  @Public()
  @Endpoint({ summary: 'Everything it needs answers; 503 when not', tags: ['system'] })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<{ status: string; checks: Record<string, string> }> {
    const { ready, checks } = await this.#health.run();
    void reply.status(ready ? 200 : 503);
    return { status: ready ? 'ready' : 'not ready', checks };
  }

  @Get('metrics')
  @Scopes('ops')
  @Endpoint({ summary: 'Figures for Prometheus', answerType: 'text/plain', tags: ['system'] })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    void reply.header('content-type', this.#metrics.contentType);
    return this.#metrics.metrics();
  }

  @Get('openapi.json')
  @Scopes()
  @Endpoint({ summary: 'This document', tags: ['system'] })
  openApi(): object {
    return openApiOf(this.#modules, this.#name);
  }

  @Get('docs')
  @Public()
  @Endpoint({ summary: 'A page to read and try the API; holds no data', answerType: 'text/html', tags: ['system'] })
  docs(@Res() reply: FastifyReply): void {
    void reply.header('content-security-policy', docsPolicy).type('text/html; charset=utf-8').send(docsPage(this.#name));
  }

  @Get('docs/open.js')
  @Public()
  @Endpoint({ summary: 'Part of the page', answerType: 'text/javascript', tags: ['system'] })
  script(@Res() reply: FastifyReply): void {
    void reply.type('text/javascript; charset=utf-8').send(docsScript);
  }

  @Get('docs/swagger-ui.css')
  @Public()
  @Endpoint({ summary: 'Part of the page', answerType: 'text/css', tags: ['system'] })
  css(@Res() reply: FastifyReply): void {
    void reply.type('text/css').send(asset('swagger-ui.css'));
  }

  @Get('docs/swagger-ui-bundle.js')
  @Public()
  @Endpoint({ summary: 'Part of the page', answerType: 'text/javascript', tags: ['system'] })
  bundle(@Res() reply: FastifyReply): void {
    void reply.type('text/javascript').send(asset('swagger-ui-bundle.js'));
  }
}

function asset(name: Parameters<typeof docsAsset>[0]) {
  const file = docsAsset(name);
  if (!file) throw new NotFoundException('Swagger UI was not shipped');
  return file;
}
