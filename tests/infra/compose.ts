import { readYaml } from './files.js';

export interface HealthCheck {
  readonly test?: readonly string[];
}

export interface ComposeService {
  readonly image: string;
  readonly build?: string;
  readonly command?: string | readonly string[];
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly restart?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: HealthCheck;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>;
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export const compose = readYaml<ComposeFile>('docker-compose.yml');
export const containers = Object.entries(compose.services).map(([name, service]) => ({ name, service }));

/** Those of Relearn's own image. */
export const ours = containers.filter(({ service }) => service.build !== undefined);
